"""Pictures that are moments: thumbnails and HiLights; a click on one goes there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eddyline.page.markup import Html, el, joined, link


def moment(seconds: float) -> str:
    """A point in time: "0:08.5", "1:02:03.0"."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def thumbnails(pictures: Mapping[str, Any]) -> Html:
    """Thumbnails that seek to their moment."""
    return joined(
        [
            _button(each["path"], each["time_s"], moment(each["time_s"]), moment(each["time_s"]))
            for each in pictures["thumbnails"]
        ]
    )


def highlights(marked: Sequence[Mapping[str, Any]]) -> Html:
    """The section of the moments that were marked; nothing where none was."""
    if not marked:
        return Html("")
    buttons = [
        _button(each.get("thumbnail"), each["time_s"], moment(each["time_s"]), title(number, each))
        for number, each in enumerate(marked, 1)
    ]
    return el(
        "section",
        el("h2", "HiLights", id="h-highlights"),
        el("ul", joined(buttons), class_="thumbs marked"),
        aria_labelledby="h-highlights",
    )


def title(number: int, mark: Mapping[str, Any]) -> str:
    """What the chapter of the mark is called in films and streams, more or less."""
    kind = mark.get("kind")
    return f"HiLight {number}" + ("" if kind in {"manual", "other", None} else f" ({kind})")


def _button(path: str | None, time_s: float, caption: str, name: str) -> Html:
    picture = el("img", src=link(path), alt="", loading="lazy") if path else Html("")
    more = el("b", name) if name != caption else Html("")
    return el(
        "li",
        el(
            "button",
            picture,
            more,
            el("span", caption),
            type="button",
            data_seek=str(float(time_s)),
            aria_label=f"Go to {name}" + ("" if name == caption else f" at {caption}"),
        ),
    )
