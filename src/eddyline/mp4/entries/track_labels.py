"""A track's title and roles: the boxes `name` and `kind` in its user data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from eddyline.mp4.boxes import Box, make_box
from eddyline.mp4.errors import Mp4Error

FORCED_SUBTITLE_ROLE: Final = "forced-subtitle"
"""The role of subtitles that players always show (ISO/IEC 23009-1, urn:mpeg:dash:role:2011)."""

_ROLES = b"urn:mpeg:dash:role:2011"
_MAX_TITLE = 400  # bytes
_MAX_ROLES = 16


@dataclass(frozen=True, kw_only=True)
class Labels:
    """`title` is the track name in the user data (QuickTime), `roles` are DASH roles."""

    title: str = ""
    roles: tuple[str, ...] = ()


def read_labels(trak: Box) -> Labels:
    """The labels of a track; malformed labels are ignored."""
    udta = trak.find("udta")
    title = ""
    roles: list[str] = []
    for box in _valid_boxes(udta):
        body = bytes(box.body)
        if box.kind == "name" and not title:
            title = _title(body)
        elif box.kind == "kind" and len(roles) < _MAX_ROLES:
            scheme, _, rest = body[4:].partition(b"\0")
            if scheme == _ROLES:
                roles.append(rest.split(b"\0")[0].decode("latin-1"))
    return Labels(title=title, roles=tuple(roles))


def _valid_boxes(udta: Box | None) -> Iterator[Box]:
    """The boxes up to the first malformed one: invalid user data is not a reason to reject a file."""
    if udta is not None:
        with suppress(Mp4Error):
            yield from udta.children()


def labels_payload(title: str, roles: Sequence[str]) -> bytes:
    """The payload of a track's udta box with these labels."""
    kinds = [make_box("kind", bytes(4) + _ROLES + b"\0" + role.encode() + b"\0") for role in roles]
    return (make_box("name", title.encode()) if title else b"") + b"".join(kinds)


def _title(body: bytes) -> str:
    text = body[:_MAX_TITLE].strip(b"\0").decode("utf-8", "replace")
    return "".join(char for char in text if char.isprintable()).strip()
