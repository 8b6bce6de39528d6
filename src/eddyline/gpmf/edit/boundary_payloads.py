"""Rebuilds the payloads at the boundaries of a cut from the trees of the source payloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from eddyline.gpmf.edit.boundary_stream import TICKS_PER_S, BoundaryStream
from eddyline.gpmf.edit.counters import advance_ticks
from eddyline.gpmf.edit.kept_samples import KeptSamples
from eddyline.gpmf.edit.sample_runs import SampleRuns
from eddyline.gpmf.format.klv import Document, Klv, serialize
from eddyline.gpmf.format.reader import parse
from eddyline.gpmf.telemetry import Telemetry


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One STRM, the DEVC around it, and its payload."""

    payload: int
    device: Klv
    stream: Klv


@dataclass(frozen=True, kw_only=True, eq=False)
class BoundaryPayloads:
    """Builds the payloads of a cut over source payloads [first, last] (both included).

    `stamps` are the STMP of the first kept sample, by label; `start_s` is the start of the first payload.
    """

    telemetry: Telemetry
    first: int
    last: int
    kept: Mapping[str, KeptSamples]
    stamps: Mapping[str, int]
    start_s: float

    def payload(self, number: int) -> bytes:
        """The bytes of source payload `number` as they are in the cut."""
        parts = self._parts(number)
        tree = self._tree(number)
        devices = []
        for node in tree.nodes:
            children = tuple(self._child(number, child, parts) for child in node.children)
            changed = any(new is not old for new, old in zip(children, node.children, strict=True))
            devices.append(replace(node, children=children, padding=b"") if changed else node)
        present = {
            label for node in tree.nodes for child in node.children if (label := self._runs.label(child))
        }
        for label, stream_parts in parts.items():
            if label not in present:
                _insert(devices, stream_parts[0].device, self._add_stream(number, label, stream_parts))
        if number == self.first:
            for label in self.telemetry.streams:
                if label not in parts and (missing := self._missing_modifiers(label)) is not None:
                    _insert(devices, *missing)
        return serialize(devices)

    @cached_property
    def _runs(self) -> SampleRuns:
        return SampleRuns(self.telemetry)

    def _strm(self, label: str) -> BoundaryStream:
        return BoundaryStream(
            stream=self.telemetry.streams[label],
            runs=self._runs,
            kept=self.kept[label],
            stamp=self.stamps.get(label),
            first_payload=self.first,
            clock=self.telemetry.gps.clock if self.telemetry.gps else None,
        )

    def _child(self, number: int, child: Klv, parts: Mapping[str, list[_Part]]) -> Klv:
        label = self._runs.label(child)
        if label:
            return self._strm(label).rebuild(number, child, [part.stream for part in parts[label]])
        delay_s = self.start_s - float(self.telemetry.payloads.start_s[number])
        if child.key == "TICK" and number == self.first and delay_s:
            return advance_ticks(child, delay_s * TICKS_PER_S)
        return child

    def _tree(self, number: int) -> Document:
        payloads = self.telemetry.payloads
        return parse(payloads[number], lenient=True, offset=int(payloads.at[number]))

    def _parts(self, number: int) -> dict[str, list[_Part]]:
        """The STRMs that contain the samples of payload `number`, by label, in order of time."""
        parts: dict[str, list[_Part]] = {}
        for source in self._sources(number):
            for device in self._tree(source).nodes:
                for child in device.children:
                    label = self._runs.label(child)
                    if label and (source == number or self._has_kept_samples(label, child)):
                        part = _Part(payload=source, device=device, stream=child)
                        parts.setdefault(label, []).append(part)
        return parts

    def _sources(self, number: int) -> list[int]:
        """The payload itself and, at the boundaries of the cut, those outside that contain samples of it."""
        sources = {number}
        for label, stream in self.telemetry.streams.items():
            payloads_with_samples = stream.pieces.payload[self.kept[label].inside > 0].tolist()
            if number == self.first:
                sources.update(each for each in payloads_with_samples if each < number)
            if number == self.last:
                sources.update(each for each in payloads_with_samples if each > number)
        return sorted(sources)

    def _has_kept_samples(self, label: str, stream: Klv) -> bool:
        kept = self.kept[label]
        return any(run.first < kept.stop and run.stop > kept.start for _, run in self._runs.in_strm(stream))

    def _add_stream(self, number: int, label: str, parts: list[_Part]) -> Klv:
        """A stream that only a payload outside of the cut has."""
        nearest = min(parts, key=lambda part: abs(part.payload - number))
        return self._strm(label).rebuild(number, nearest.stream, [part.stream for part in parts])

    def _missing_modifiers(self, label: str) -> tuple[Klv, Klv] | None:
        """(device, STRM without samples) for a stream that starts later and needs earlier modifiers."""
        pieces = self.telemetry.streams[label].pieces
        later_payloads = np.flatnonzero((self.kept[label].inside > 0) & (pieces.payload > self.first))
        if not len(later_payloads):
            return None
        for device in self._tree(int(pieces.payload[later_payloads[0]])).nodes:
            for child in device.children:
                if self._runs.label(child) == label:
                    made = self._strm(label).without_samples(child)
                    return None if made is None else (device, made)
        return None


def _insert(devices: list[Klv], device: Klv, stream: Klv) -> None:
    """Insert a STRM into the DEVC of the same device, or into a new DEVC."""
    for at, each in enumerate(devices):
        if each.is_nest and _identity(each) == _identity(device):
            devices[at] = replace(each, children=(*each.children, stream), padding=b"")
            return
    head = tuple(child for child in device.children if not child.is_nest)
    devices.append(replace(device, children=(*head, stream), padding=b""))


def _identity(device: Klv) -> bytes:
    node = device.child("DVID")
    return node.data if node else b""
