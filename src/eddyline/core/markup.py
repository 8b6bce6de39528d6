"""HTML elements whose text and attribute values are escaped by default."""

from __future__ import annotations

import html
from urllib.parse import quote

from eddyline.core.formatting import printable

_VOID = frozenset({"br", "img", "input", "link", "meta", "source"})


class Html(str):
    """A string that is markup already; every other string is escaped when it becomes a child."""

    __slots__ = ()


def escape(value: object) -> Html:
    """A value as text of one line, with the same characters escaped as for a terminal."""
    return value if isinstance(value, Html) else Html(html.escape(printable(value)))


def element(name: str, /, *children: object, **attributes: str | int | bool | None) -> Html:
    """An element. `class_` and `data_copy` set "class" and "data-copy"; False and None omit the attribute."""
    values = "".join(
        _attribute(key, value)
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{values}>")
    return Html(f"<{name}{values}>{''.join(escape(child) for child in children)}</{name}>")


def _attribute(key: str, value: str | int | bool) -> str:  # noqa: FBT001 - an attribute's value
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(value)}"'


def join_lines(parts: list[Html]) -> Html:
    """The elements, one per line."""
    return Html("\n".join(parts))


def join_words(*parts: object) -> Html:
    """The parts, escaped and separated by spaces."""
    return Html(" ".join(escape(part) for part in parts))


def section(heading: str, name: str, content: Html, *, class_: str | None = None) -> Html:
    """A section with a heading whose id is "h-" and `name`."""
    title = element("h2", heading, id=f"h-{name}")
    return element("section", title, content, class_=class_, aria_labelledby=f"h-{name}")


def relative_url(path: str) -> str:
    """The relative URL of a file beside the page; no `path` can lead out of the page's directory."""
    inner = [part for part in path.split("/") if part not in {"", ".", ".."}]
    return "./" + quote("/".join(inner).encode("utf-8", "surrogateescape"))
