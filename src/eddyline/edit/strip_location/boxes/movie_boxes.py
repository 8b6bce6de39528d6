"""Rebuilds moov from that of the source, using an allow-list of boxes.

A box that is kept is written from its fields only: reserved fields become zero, and bytes after the last
field or row are removed. Every unlisted box is removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from eddyline.edit.strip_location.boxes.box_parts import (
    Rewrite,
    children,
    number_rule,
    remove_box,
    rewrite_children,
    take_versioned_body,
)
from eddyline.edit.strip_location.boxes.meta_box import MetaBox
from eddyline.edit.strip_location.boxes.track_boxes import TrackBoxes, TrackRewriter
from eddyline.edit.strip_location.boxes.user_data import UserData
from eddyline.edit.strip_location.report import Report
from eddyline.edit.strip_location.track_kinds import SelectedTrack
from eddyline.mp4.boxes import Box, make_box

_MVHD: Final = (100, 112)


@dataclass(frozen=True, kw_only=True)
class MovieBoxes:
    """Rewrites moov with the tracks `selection`; `fragmented` is samples in fragments by track."""

    report: Report
    user_data: UserData
    selection: Sequence[SelectedTrack]
    fragmented: Mapping[int, int] = field(default_factory=dict)

    def read(self, moov: Box) -> tuple[bytes, tuple[TrackBoxes, ...], bytes]:
        """Returns (boxes before the tracks, the tracks, boxes after them)."""
        kept = {selected.track.number: selected for selected in self.selection}
        rules: dict[str, Rewrite] = {
            "mvhd": self._mvhd,
            "iods": number_rule(self.report, *range(12, 24), form=lambda body: body[:5] == b"\0\0\0\0\x10"),
        }
        rewriter = TrackRewriter(
            report=self.report, user_data=self.user_data, selection=self.selection, fragmented=self.fragmented
        )
        tracks: list[TrackBoxes] = []
        head: list[bytes] = []
        tail: list[bytes] = []
        seen: set[str] = set()
        for child in children(moov, self.report):
            if child.kind == "trak":
                number = _track_number(child)
                if number in kept:
                    tracks.append(rewriter.rewrite(child, kept[number]))
                continue  # removed tracks were reported when the tracks were selected
            if child.kind in seen:
                remove_box(child, self.report)
                continue
            seen.add(child.kind)
            if child.kind in rules:
                head.append(rules[child.kind](child))
            elif child.kind == "udta":
                tail.append(self.user_data.udta(child))
            elif child.kind == "meta":
                tail.append(MetaBox(report=self.report).rewrite(child))
            elif child.kind == "mvex":
                tail.append(self._mvex(child, kept))
            else:
                remove_box(child, self.report)
        return b"".join(head), tuple(tracks), b"".join(tail)

    def _mvhd(self, source: Box) -> bytes:
        body = take_versioned_body(source, _MVHD, self.report)
        times = len(body) - 80  # version, times, timescale and duration
        matrix = body[times + 16 : times + 52]
        rate = body[times : times + 6]
        return make_box("mvhd", body[:times], rate, bytes(10), matrix, bytes(24), body[-4:])

    def _mvex(self, source: Box, kept: Mapping[int, SelectedTrack]) -> bytes:
        def trex(each: Box) -> bytes:
            known = int.from_bytes(each.body[4:8], "big") in kept
            return number_rule(self.report, 24)(each) if known else b""

        rules: dict[str, Rewrite] = {"mehd": number_rule(self.report, 8, 12), "trex": trex}
        return make_box("mvex", rewrite_children(source, self.report, rules, once=False))


def _track_number(trak: Box) -> int:
    tkhd = trak.require("tkhd").body
    at = 20 if bytes(tkhd[:1]) == b"\1" else 12
    return int.from_bytes(tkhd[at : at + 4], "big")
