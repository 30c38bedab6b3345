"""The look that all written pages share, and their templates: light, dark and printed, on a screen and on a phone.

    text = environment().from_string(template).render(...)     # in the template: <style>{{ style }} ...</style>

A page is one file that loads nothing. Its colours are pages.css's alone, so that a dark theme is followed everywhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

STYLE = Path(__file__).with_name("pages.css")


def environment() -> Environment:
    """Where templates are rendered: every value is escaped, `style` is the text of pages.css, and there is `breaks`."""
    from jinja2 import Environment
    from markupsafe import Markup

    made = Environment(autoescape=True, trim_blocks=True, keep_trailing_newline=True)
    made.globals["style"] = Markup(STYLE.read_text(encoding="utf-8"))
    made.filters["breaks"] = breaks
    return made


def breaks(name: str) -> Markup:
    """A long name, such as a step's, escaped; a line may end behind each of its `/`, `.` and `_`."""
    from markupsafe import Markup

    return Markup("<wbr>").join(re.split(r"(?<=[/._])(?=.)", name))
