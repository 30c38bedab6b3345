"""Runs in a process of its own: defines a student's functions, calls one of them, and says what came of it.

Input (JSON, file descriptor 0): {"text", "worlds", "limits", "function", "arguments", "world"}. Output: {"value": ...}
or {"error": "..."}. Only the standard library is here, and the worlds.
"""

import json
import os
import resource
import sys


def main():
    """Read the request, define, call, answer, and end the process. What the function prints goes nowhere."""
    request = json.loads(sys.stdin.buffer.read())
    out = os.dup(1)
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    worlds: dict = {"__name__": "worlds"}
    if request["world"]:
        with open(request["worlds"], encoding="utf-8") as file:  # noqa: PTH123  (nothing more is imported than must be)
            exec(compile(file.read(), "worlds.py", "exec", dont_inherit=True), worlds)
    for name, value in request["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    write, dumps = os.write, json.dumps
    space: dict = {"__name__": "functions"}
    try:
        exec(compile(request["text"], "functions.py", "exec", dont_inherit=True), space)
        function, arguments = space[request["function"]], request["arguments"]
        value = worlds["call"](request["world"], function, arguments) if worlds.get("call") else function(*arguments)
        line = dumps({"value": value})
    except BaseException as error:
        words = str(error).strip().splitlines()
        line = dumps({"error": type(error).__name__ + ": " + (words[0][:200] if words else "")})
    answer = line.encode()
    while answer:
        answer = answer[write(out, answer) :]
    os._exit(0)


if __name__ == "__main__":
    main()
