"""Thumbnails and HiLights of the page: buttons that seek the player."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eddyline.core.markup import Html, element, join_lines, relative_url, section


def format_time(seconds: float) -> str:
    """A media time: "0:08.5", "1:02:03.0"."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def thumbnail_buttons(pictures: Mapping[str, Any]) -> Html:
    """Thumbnails that seek to their frame."""
    return join_lines([seek_button(each["time_s"], image=each["path"]) for each in pictures["thumbnails"]])


def highlights_section(highlights: Sequence[Mapping[str, Any]]) -> Html:
    """The section of the HiLights; empty without any."""
    if not highlights:
        return Html("")
    buttons = [
        seek_button(each["time_s"], highlight_title(number, each), image=each.get("thumbnail"))
        for number, each in enumerate(highlights, 1)
    ]
    return section("HiLights", "highlights", element("ul", join_lines(buttons), class_="thumbs marked"))


def highlight_title(number: int, highlight: Mapping[str, Any]) -> str:
    """The title of a HiLight, similar to that of its chapter in files and streams."""
    kind = highlight.get("kind")
    return f"HiLight {number}" + ("" if kind in {"manual", "other", None} else f" ({kind})")


def seek_button(time_s: float, title: str = "", *, image: str | None = None) -> Html:
    """A list item with a button that seeks to `time_s`."""
    time = format_time(time_s)
    button = element(
        "button",
        element("img", src=relative_url(image), alt="", loading="lazy") if image else Html(""),
        element("b", title) if title else Html(""),
        element("span", time),
        type="button",
        data_seek=str(float(time_s)),
        aria_label=f"Go to {title} at {time}" if title else f"Go to {time}",
    )
    return element("li", button)
