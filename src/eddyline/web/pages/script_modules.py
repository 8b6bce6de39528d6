"""The script of a page and the modules that it imports, which the browser loads at once.

Without that, a browser finds each module only after it has loaded the one that imports it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from markupsafe import Markup

STATIC = Path(__file__).parent.parent / "static"

_IMPORT = re.compile(r'^(?:import|export)\s(?:[^"\';()]*?\sfrom\s)?\s*"/static/([^"]+)"', re.MULTILINE)
_LINK = Markup('<link rel="modulepreload" href="/static/{}">\n')
_SCRIPT = Markup('<script type="module" src="/static/{}"></script>')


@cache
def script(path: str) -> Markup:
    """The elements that load a module below `/static/` and all modules that it imports statically."""
    links = (_LINK.format(each) for each in imported_by(path))
    return Markup().join([*links, _SCRIPT.format(path)])


def imported_by(path: str) -> list[str]:
    """The modules that a module imports statically, also through others, in the order of their imports."""
    found: dict[str, None] = {}
    waiting = [path]
    while waiting:
        text = (STATIC / waiting.pop(0)).read_text("utf-8")
        new = [each for each in _IMPORT.findall(text) if each not in found and each != path]
        found |= dict.fromkeys(new)
        waiting += new
    return list(found)
