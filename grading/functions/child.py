"""Runs inside the sandbox: limits itself, then calls the student's functions. It knows no expected value.

Input (JSON, file descriptor 0): {"file", "uid", "limits", "calls": [{"function", "arguments"}]}. Output, one JSON line
a call: {"call": index, "value": ...} or {"call": index, "error": "..."}. Only the standard library is here.
"""

import json
import os
import resource
import sys

MAX_ANSWER = 100_000


def confine(limits, uid):
    """Become `uid` (0: stay) and lower every limit; from here on nothing can be raised again."""
    if uid:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, name), (value, value))


def plain(value):
    """`value` if it is made of exact built-in JSON types, else an error: no subclass speaks for itself."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind in (list, tuple):
        return [plain(item) for item in value]
    raise TypeError("return numbers, text, None, or lists of them, not " + str(kind.__name__)[:60])


def main():
    """Read the request, run the student's file once, answer each call with one line, and end the process.

    The request and the answers are as the top of this file says. What the student prints goes nowhere, and an exception
    of the file or of a call becomes that call's error.
    """
    request = json.loads(sys.stdin.buffer.read())
    out = os.dup(1)
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    confine(request["limits"], request["uid"])
    with os.fdopen(os.open(request["file"], os.O_RDONLY), encoding="utf-8", errors="replace") as file:
        source = file.read()
    write, dumps = os.write, json.dumps
    space: dict = {"__name__": "functions", "__builtins__": __builtins__}
    failure = None
    try:
        exec(compile(source, "functions.py", "exec", dont_inherit=True), space)
    except BaseException as error:
        failure = "functions.py: " + type(error).__name__ + ": " + str(error)[:200]
    for index, call in enumerate(request["calls"]):
        answer = {"call": request["first"] + index}
        try:
            if failure:
                raise RuntimeError(failure)
            function = space.get(call["function"])
            if function is None:
                raise NameError("functions.py defines no " + call["function"])
            answer["value"] = plain(function(*call["arguments"]))
            line = dumps(answer, allow_nan=True)
            if len(line) > MAX_ANSWER:
                raise ValueError("the answer is longer than " + str(MAX_ANSWER) + " characters")
        except BaseException as error:
            text = failure or type(error).__name__ + ": " + str(error)[:200]
            line = dumps({"call": answer["call"], "error": text})
        write(out, line.encode() + b"\n")
    os._exit(0)


main()
