"""HTML that is escaped unless it says otherwise, so that no name can become markup."""

from __future__ import annotations

import html
from urllib.parse import quote

from eddyline.core.formatting import printable

_VOID = frozenset({"br", "img", "input", "meta", "source"})


class Html(str):
    """Text that is markup already; every other string is escaped when it becomes a child."""

    __slots__ = ()


def escape(value: object) -> Html:
    """A value as harmless text of one line (the same characters are escaped as for a terminal)."""
    return value if isinstance(value, Html) else Html(html.escape(printable(value)))


def element(name: str, /, *children: object, **attributes: str | int | bool | None) -> Html:
    """An element. `class_` and `data_copy` read "class" and "data-copy"; False and None leave one out."""
    given = "".join(
        _attribute(key, value)
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{''.join(escape(child) for child in children)}</{name}>")


def _attribute(key: str, value: str | int | bool) -> str:  # noqa: FBT001 - an attribute's value
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(value)}"'


def join_lines(parts: list[Html]) -> Html:
    """Elements one after the other, a line each."""
    return Html("\n".join(parts))


def relative_url(path: str) -> str:
    """A file beside the page as a relative address: nothing in `path` can make it lead anywhere else."""
    inner = [part for part in path.split("/") if part not in {"", ".", ".."}]
    return "./" + quote("/".join(inner).encode("utf-8", "surrogateescape"))
