"""Pictures that are moments: thumbnails and HiLights; a click on one goes there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eddyline.page.markup import Html, element, join_lines, relative_url


def format_time(seconds: float) -> str:
    """A point in time: "0:08.5", "1:02:03.0"."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def thumbnails(pictures: Mapping[str, Any]) -> Html:
    """Thumbnails that seek to their moment."""
    return join_lines(
        [
            _button(each["path"], each["time_s"], format_time(each["time_s"]), format_time(each["time_s"]))
            for each in pictures["thumbnails"]
        ]
    )


def highlights(marked: Sequence[Mapping[str, Any]]) -> Html:
    """The section of the moments that were marked; nothing where none was."""
    if not marked:
        return Html("")
    buttons = [
        _button(
            each.get("thumbnail"), each["time_s"], format_time(each["time_s"]), highlight_title(number, each)
        )
        for number, each in enumerate(marked, 1)
    ]
    return element(
        "section",
        element("h2", "HiLights", id="h-highlights"),
        element("ul", join_lines(buttons), class_="thumbs marked"),
        aria_labelledby="h-highlights",
    )


def highlight_title(number: int, mark: Mapping[str, Any]) -> str:
    """What the chapter of the mark is called in films and streams, more or less."""
    kind = mark.get("kind")
    return f"HiLight {number}" + ("" if kind in {"manual", "other", None} else f" ({kind})")


def _button(path: str | None, time_s: float, caption: str, name: str) -> Html:
    picture = element("img", src=relative_url(path), alt="", loading="lazy") if path else Html("")
    more = element("b", name) if name != caption else Html("")
    return element(
        "li",
        element(
            "button",
            picture,
            more,
            element("span", caption),
            type="button",
            data_seek=str(float(time_s)),
            aria_label=f"Go to {name}" + ("" if name == caption else f" at {caption}"),
        ),
    )
