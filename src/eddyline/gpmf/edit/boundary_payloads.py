"""The payloads at the ends of a window, built anew from the trees of the payloads that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from eddyline.gpmf.edit.boundary_stream import MS, BoundaryStream
from eddyline.gpmf.edit.counters import advance_ticks
from eddyline.gpmf.edit.kept_samples import KeptSamples
from eddyline.gpmf.edit.sample_runs import SampleRuns
from eddyline.gpmf.klv import Document, Klv, serialize
from eddyline.gpmf.reader import parse
from eddyline.gpmf.telemetry import Telemetry


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One STRM, the DEVC around it, and the payload that it lay in."""

    payload: int
    device: Klv
    stream: Klv


@dataclass(frozen=True, kw_only=True, eq=False)
class BoundaryPayloads:
    """Builds the payloads of a window over source payloads [first, last] (both included).

    `stamps` are the STMP of the first sample kept, by label; `begins_s` is when the first payload begins.
    """

    found: Telemetry
    first: int
    last: int
    kept: Mapping[str, KeptSamples]
    stamps: Mapping[str, int]
    begins_s: float

    def payload(self, number: int) -> bytes:
        """The bytes of source payload `number` as they are in the window."""
        parts = self._parts(number)
        own = self._tree(number)
        devices = []
        for node in own.nodes:
            children = tuple(self._child(number, child, parts) for child in node.children)
            changed = any(new is not old for new, old in zip(children, node.children, strict=True))
            devices.append(replace(node, children=children, padding=b"") if changed else node)
        present = {
            label for node in own.nodes for child in node.children if (label := self._runs.label(child))
        }
        for label, several in parts.items():
            if label not in present:
                _place(devices, several[0].device, self._added(number, label, several))
        if number == self.first:
            for label in self.found.streams:
                if label not in parts and (unsaid := self._unsaid(label)) is not None:
                    _place(devices, *unsaid)
        return serialize(devices)

    @cached_property
    def _runs(self) -> SampleRuns:
        return SampleRuns(self.found)

    def _strm(self, label: str) -> BoundaryStream:
        return BoundaryStream(
            stream=self.found.streams[label],
            runs=self._runs,
            kept=self.kept[label],
            stamp=self.stamps.get(label),
            opening=self.first,
            clock=self.found.gps.clock if self.found.gps else None,
        )

    def _child(self, number: int, child: Klv, parts: Mapping[str, list[_Part]]) -> Klv:
        label = self._runs.label(child)
        if label:
            return self._strm(label).built(number, child, [part.stream for part in parts[label]])
        late_s = self.begins_s - float(self.found.payloads.start_s[number])
        if child.key == "TICK" and number == self.first and late_s:
            return advance_ticks(child, late_s * MS)
        return child

    def _tree(self, number: int) -> Document:
        payloads = self.found.payloads
        return parse(payloads[number], lenient=True, offset=int(payloads.at[number]))

    def _parts(self, number: int) -> dict[str, list[_Part]]:
        """The STRMs that the samples of payload `number` come from, by label, in order of time."""
        parts: dict[str, list[_Part]] = {}
        for source in self._sources(number):
            for device in self._tree(source).nodes:
                for child in device.children:
                    label = self._runs.label(child)
                    if label and (source == number or self._takes(label, child)):
                        part = _Part(payload=source, device=device, stream=child)
                        parts.setdefault(label, []).append(part)
        return parts

    def _sources(self, number: int) -> list[int]:
        """The payload itself, and at the ends of the window those outside that hold samples of it."""
        sources = {number}
        for label, stream in self.found.streams.items():
            holding = stream.pieces.payload[self.kept[label].inside > 0].tolist()
            if number == self.first:
                sources.update(each for each in holding if each < number)
            if number == self.last:
                sources.update(each for each in holding if each > number)
        return sorted(sources)

    def _takes(self, label: str, stream: Klv) -> bool:
        kept = self.kept[label]
        return any(run.first < kept.last and run.last > kept.first for _, run in self._runs.within(stream))

    def _added(self, number: int, label: str, parts: list[_Part]) -> Klv:
        """A stream that only a payload outside of the window has."""
        nearest = min(parts, key=lambda part: abs(part.payload - number))
        return self._strm(label).built(number, nearest.stream, [part.stream for part in parts])

    def _unsaid(self, label: str) -> tuple[Klv, Klv] | None:
        """(device, STRM without samples) for a stream that begins later and needs what was said before."""
        pieces = self.found.streams[label].pieces
        later_on = np.flatnonzero((self.kept[label].inside > 0) & (pieces.payload > self.first))
        if not len(later_on):
            return None
        for device in self._tree(int(pieces.payload[later_on[0]])).nodes:
            for child in device.children:
                if self._runs.label(child) == label:
                    made = self._strm(label).silent(child)
                    return None if made is None else (device, made)
        return None


def _place(devices: list[Klv], device: Klv, stream: Klv) -> None:
    """Put a STRM into the DEVC of the same device, or into a new one."""
    for at, each in enumerate(devices):
        if each.is_nest and _identity(each) == _identity(device):
            devices[at] = replace(each, children=(*each.children, stream), padding=b"")
            return
    head = tuple(child for child in device.children if not child.is_nest)
    devices.append(replace(device, children=(*head, stream), padding=b""))


def _identity(device: Klv) -> bytes:
    node = device.child("DVID")
    return node.data if node else b""
