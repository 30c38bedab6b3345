"""Runs inside the sandbox: limits itself, then calls the student's functions. It knows no expected value.

Input (JSON, file descriptor 0): {"file", "worlds", "uid", "limits", "calls": [{"function", "arguments", "world"}]}; a
call without a world takes its arguments as they are. Output, one JSON line a call: {"call": index, "value": ...} or
{"call": index, "error": "..."}. Only the standard library is here, and the worlds.
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


def _call(name, *arguments):
    """A C library's call that must succeed, or nothing of the student's is run."""
    import ctypes

    result = getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name + " was refused")
    return result


def refuse_files(readable):
    """Landlock (Linux 5.13): from here on only what lies below `readable` can be opened, and only read.

    https://docs.kernel.org/userspace-api/landlock.html; TCP too where the kernel knows how (6.7), and signals (6.12).
    """
    import ctypes
    import struct

    version = _call("syscall", 444, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    # By version of Landlock: the rights over files, over TCP, and the scopes, that it knows.
    files = (1 << (13 if version < 2 else 14 if version < 3 else 15 if version < 5 else 16)) - 1
    sizes = 8 if version < 4 else 16 if version < 6 else 24
    rules = ctypes.create_string_buffer(struct.pack("<QQQ", files, 3, 3)[:sizes], sizes)
    ruleset = _call("syscall", 444, rules, ctypes.c_size_t(sizes), ctypes.c_uint32(0))
    read = 1 << 0 | 1 << 2 | 1 << 3
    for name in readable:
        if not os.path.isdir(name):  # noqa: PTH112  (nothing more is imported here than must be)
            continue
        place = os.open(name, os.O_PATH | os.O_CLOEXEC)
        below = ctypes.create_string_buffer(struct.pack("<Qi", read, place), 12)
        _call("syscall", 445, ruleset, 1, below, ctypes.c_uint32(0))
        os.close(place)
    _call("prctl", 38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    _call("syscall", 446, ruleset, ctypes.c_uint32(0))
    os.close(ruleset)


# Sockets, signals, other processes' memory, memory and queues shared by key, namespaces, io_uring.
REFUSED = {
    "x86_64": (0xC000003E, (29, 41, 53, 62, 64, 68, 101, 200, 234, 240, 248, 272, 310, 311, 424, 425, 426, 434)),
    "aarch64": (0xC00000B7, (97, 117, 129, 130, 131, 180, 186, 190, 194, 198, 199, 217, 270, 271, 424, 425, 426, 434)),
}


def refuse_calls():
    """A seccomp filter: these system calls fail with EPERM, and those of another architecture end the process."""
    import ctypes
    import struct

    architecture, numbers = REFUSED[os.uname().machine]
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    allow, refuse, end = 0x7FFF0000, 0x00050001, 0x80000000
    lines = [(load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, end), (load, 0, 0, 0)]
    lines += [(at_least, 0, 1, 0x40000000), (answer, 0, 0, refuse)]  # x86-64's 32-bit pointers: the same calls again
    for number in numbers:
        lines += [(equal, 0, 1, number), (answer, 0, 0, refuse)]
    lines.append((answer, 0, 0, allow))
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in lines))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(lines), ctypes.addressof(code)))
    _call("prctl", 22, 2, program, 0, 0)  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


def plain(value):
    """`value` if it is made of exact built-in JSON types, else an error: no subclass speaks for itself."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind in (list, tuple):
        return [plain(item) for item in value]
    raise TypeError("return numbers, text, None, or lists of them, not " + str(kind.__name__)[:60])


def read(name):
    """The text of a file."""
    with os.fdopen(os.open(name, os.O_RDONLY), encoding="utf-8", errors="replace") as file:
        return file.read()


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
    source = read(request["file"])
    worlds: dict = {"__name__": "worlds"}
    if any(call.get("world") for call in request["calls"]):
        exec(compile(read(request["worlds"]), "worlds.py", "exec", dont_inherit=True), worlds)
    confine(request["limits"], request["uid"])
    if request.get("readable") is not None:
        refuse_files(request["readable"])
        refuse_calls()
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
            if call.get("world"):
                answer["value"] = plain(worlds["call"](call["world"], function, call["arguments"]))
            else:
                answer["value"] = plain(function(*call["arguments"]))
            line = dumps(answer, allow_nan=True)
            if len(line) > MAX_ANSWER:
                raise ValueError("the answer is longer than " + str(MAX_ANSWER) + " characters")
        except BaseException as error:
            text = failure or type(error).__name__ + ": " + str(error)[:200]
            line = dumps({"call": answer["call"], "error": text})
        write(out, line.encode() + b"\n")
    os._exit(0)


if __name__ == "__main__":
    main()
