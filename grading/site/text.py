"""Markdown, code and printed lines as HTML that runs nothing and fetches nothing, without the machine's own names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from grading import shown
from snippets.parts import KIT
from snippets.record.run import Record

LONGEST_OUTPUT = 20_000
SECRETS = ("challenge", "endpoint", "server_address")
"""Parameters whose values are somebody's own: a code, or where a service of theirs listens."""
_ROOTS = (
    "home|root|Users|Volumes|tmp|var|private|work|workspace|workspaces|opt|usr|mnt|media|srv|scratch|data|content|"
    "gpfs|lustre|nfs"
)
_END = r"[^\s'\"<>|:;,()\[\]{}`]"
_PATH = re.compile(rf"(?<![\w.:/~-])(?:file://)?(?:/(?:{_ROOTS})(?:/{_END}+)+|[A-Za-z]:\\{_END}+)/?")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _short(path: str) -> str:
    """The last name of a path below a dozen possible roots; nothing of `/home/NAME`, which is a person's."""
    pieces = [piece for piece in re.split(r"[/\\]", path.removeprefix("file://")) if piece]
    return f".../{pieces[-1]}" if len(pieces) > 2 else "..."


@dataclass(frozen=True)
class Cleaner:
    """Takes a machine's paths and a run's private parameters out of what cells printed."""

    literals: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, record: Record) -> Cleaner:
        """For the outputs of this run: its folder, the kit's, the home folder, paths and secrets among parameters."""
        folders = {str(place) for folder in (record.folder, KIT, Path.home()) for place in (folder, folder.resolve())}
        found = {folder: _short(folder) for folder in folders if len(folder) > 1 and Path(folder).is_absolute()}
        for values in record.parameters.values():
            for name, value in values.items():
                if isinstance(value, str) and value.strip():
                    if name in SECRETS:
                        found[value] = "..."
                    elif Path(value).is_absolute():
                        found[value] = _short(value)
        found |= {host["hostname"]: "..." for host in record.hosts if len(host.get("hostname", "")) > 4}
        return cls(tuple(sorted(found.items(), key=lambda pair: -len(pair[0]))))

    def clean(self, text: str) -> str:
        """`text` with every such name shortened to its last part, or to three dots."""
        for literal, instead in self.literals:
            text = text.replace(literal, instead)
        return _PATH.sub(lambda match: _short(match[0]), text)


@lru_cache(maxsize=1)
def _renderer() -> Any:
    from markdown_it import MarkdownIt

    # Without raw HTML and pictures; links that would run a script are refused by the library itself.
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    renderer.add_render_rule("table_open", lambda *_: f"{SCROLL}<table>")
    renderer.add_render_rule("table_close", lambda *_: "</table></div>")
    for block in ("fence", "code_block"):
        renderer.add_render_rule(block, lambda _, tokens, at, *__: code(tokens[at].content))
    return renderer


SCROLL = '<div class="scroll" tabindex="0" role="group" aria-label="A wide table">'


def anchor(heading: str) -> str:
    """The id of a heading."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def markdown(text: str, lessons: Iterable[str] = ()) -> str:
    """Markdown as HTML; links to the notebooks `lessons` (`2_graph`) become links to their pages, other local ones
    plain text, since the site holds nothing else.
    """
    known = set(lessons)
    tokens = _renderer().parse(text)
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor(tokens[at + 1].content))
        open_links: list[bool] = []
        kept = []
        for child in token.children or ():
            if child.type == "link_open":
                target = str(child.attrGet("href") or "")
                stem = target.removesuffix(".ipynb")
                if stem in known:
                    child.attrSet("href", f"{stem}.html")
                open_links.append(stem in known or target.startswith(("https://", "http://", "mailto:")))
                if open_links[-1]:
                    kept.append(child)
            elif child.type == "link_close":
                if open_links.pop():
                    kept.append(child)
            else:
                kept.append(child)
        token.children = kept if token.children is not None else None
    html = str(_renderer().renderer.render(tokens, _renderer().options, {}))
    return re.sub(r"<th([^>]*)></th>", r"<td\1></td>", html)  # a header without words heads nothing


def headings(text: str, level: int = 2) -> list[str]:
    """The headings of one level in a Markdown text."""
    return re.findall(rf"^{'#' * level} +(.+?)\s*$", text, re.MULTILINE)


def code(source: str) -> str:
    """Python as HTML, its words marked by class for the page's style."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    marked = highlight(source.strip("\n"), PythonLexer(), HtmlFormatter(nowrap=True))
    return f'<pre class="code" tabindex="0"><code>{marked.rstrip()}</code></pre>'


def printed(text: str) -> str:
    """What a cell printed, as HTML: escaped, without colours and controls."""
    plain = shown.lines(_ANSI.sub("", text), LONGEST_OUTPUT).rstrip("\n")
    return f'<pre class="printed" tabindex="0">{escape(plain)}</pre>'


def joined(lines: str | Sequence[str]) -> str:
    """A notebook's text, which is kept as one string or as a list of lines."""
    return lines if isinstance(lines, str) else "".join(lines)
