"""The shell programs that run on a node: files beside this module, checked by shellcheck, sent as one command."""

from __future__ import annotations

import shlex
from importlib import resources


def program(*names: str, arguments: tuple[str, ...] = ()) -> str:
    """POSIX shell text for `Machine.run`: the files `names`.sh one after the other, with `arguments` as $1, $2, ...

    Lines that are comments stay here: a command to a container travels in an address, whose length has a limit.
    """
    lines = [f"set -- {shlex.join(arguments)}"] if arguments else []
    for name in names:
        text = resources.files(__package__).joinpath(f"{name}.sh").read_text(encoding="utf-8")
        lines += [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join(lines)
