"""The payloads at the ends of a window, built anew from the trees of the payloads that they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np

from eddyline.gpmf.decode import MODIFIERS
from eddyline.gpmf.index import code
from eddyline.gpmf.klv import MAX_REPEAT, Document, Klv, write
from eddyline.gpmf.making import leaf
from eddyline.gpmf.payloads import Int64s
from eddyline.gpmf.pieces import STEPPED
from eddyline.gpmf.reader import parse
from eddyline.gpmf.streams import Stream
from eddyline.gpmf.telemetry import Telemetry

# What belongs to one payload alone; every other modifier holds until it is said anew.
_OF_ONE_PAYLOAD = frozenset({"TSMP", "STMP", "TICK", "TOCK", "EMPT", "GPSU"})
_CLOCKS = frozenset({"STMP", "TICK", "TOCK", "GPSU"})
_HEADER = 8
_MS = 1000.0
_GPSU_LENGTH = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """The samples [first, last) of one stream that are kept.

    `before` and `inside` have one entry a piece: samples before it, and how many of its own are kept; `total`
    one a payload: samples kept up to its end, in the payloads where they are to lie.
    """

    first: int
    last: int
    before: Int64s
    inside: Int64s
    total: Int64s


@dataclass(frozen=True, kw_only=True)
class _Run:
    """A KLV of samples: the stream's samples [first, first + count); a step is one sample, whole."""

    label: str
    first: int
    count: int
    step: bool


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One STRM, the DEVC around it, and the payload that it lay in."""

    payload: int
    device: Klv
    stream: Klv


@dataclass(frozen=True, kw_only=True, eq=False)
class Boundary:
    """Builds the payloads of a window over source payloads [first, last] (both included).

    `stamps` are the STMP of the first sample kept, by label; `begins_s` is when the first payload begins.
    """

    found: Telemetry
    first: int
    last: int
    kept: Mapping[str, Kept]
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
        present = {label for node in own.nodes for child in node.children if (label := self._label(child))}
        for label, several in parts.items():
            if label not in present and (made := self._added(number, label, several)) is not None:
                _place(devices, several[0].device, made)
        if number == self.first:
            for label in self.found.streams:
                if label not in parts and (lost := self._unsaid(label)) is not None:
                    _place(devices, *lost)
        return write(devices)

    def _child(self, number: int, child: Klv, parts: Mapping[str, list[_Part]]) -> Klv:
        label = self._label(child)
        if label:
            return self._stream(number, label, child, parts[label])
        late = self.begins_s - float(self.found.payloads.start_s[number])
        if child.key == "TICK" and number == self.first and late:
            return _later(child, late * _MS)
        return child

    @cached_property
    def _runs(self) -> dict[int, _Run]:
        """What each KLV of samples holds, by where its header lies in the joined payloads."""
        runs: dict[int, _Run] = {}
        for label, stream in self.found.streams.items():
            pieces = stream.pieces
            counts = np.where(pieces.step, 1, pieces.holding.repeat)
            before = np.cumsum(counts) - counts
            for at, first, count, step in zip(
                (pieces.holding.at - _HEADER).tolist(),
                before.tolist(),
                counts.tolist(),
                pieces.step.tolist(),
                strict=True,
            ):
                runs[at] = _Run(label=label, first=first, count=count, step=step)
        return runs

    def _tree(self, number: int) -> Document:
        payloads = self.found.payloads
        return parse(payloads[number], lenient=True, offset=int(payloads.at[number]))

    def _label(self, node: Klv) -> str:
        """Which stream a STRM is part of; "" for anything else."""
        found = (self._runs[child.offset].label for child in node.children if child.offset in self._runs)
        return next(found, "") if node.is_nest else ""

    def _parts(self, number: int) -> dict[str, list[_Part]]:
        """The STRMs that the samples of payload `number` come from, by label, in order of time."""
        parts: dict[str, list[_Part]] = {}
        for source in self._sources(number):
            for device in self._tree(source).nodes:
                for child in device.children:
                    if label := self._label(child):
                        part = _Part(payload=source, device=device, stream=child)
                        if source == number or self._takes(label, child):
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
        runs = (self._runs[child.offset] for child in stream.children if child.offset in self._runs)
        return any(run.first < kept.last and run.first + run.count > kept.first for run in runs)

    def _added(self, number: int, label: str, parts: list[_Part]) -> Klv | None:
        """A stream that only a payload outside of the window has."""
        nearest = min(parts, key=lambda part: abs(part.payload - number))
        return self._stream(number, label, nearest.stream, parts)

    def _stream(self, number: int, label: str, base: Klv, parts: list[_Part]) -> Klv:
        """`base` with the samples kept of all `parts`, and everything that counts or times them right."""
        kept = self.kept[label]
        nodes = list(self._samples(label, parts))
        old = [child for child in base.children if child.offset in self._runs]
        own = [self._runs[child.offset] for child in old]
        whole = len(nodes) == len(old) and all(a is b for a, b in zip(nodes, old, strict=True))
        begin = max(
            kept.first, min((self._runs[n.offset].first for p in parts for n in self._held(p)), default=0)
        )
        moved = not own or begin != own[0].first
        total = int(kept.total[number])
        out = []
        for child in base.children:
            if child.offset in self._runs:
                if child is old[0]:
                    out.extend(nodes or self._nothing(label, child))
                continue
            changed = self._modifier(label, child, parts, total, begin, moved=moved, empty=not nodes)
            if changed is not None:
                out.append(changed)
        if number == self.first:
            out[0:0] = self._earlier(label, base, number)
        same = (
            whole
            and len(out) == len(base.children)
            and all(a is b for a, b in zip(out, base.children, strict=True))
        )
        return base if same else replace(base, children=tuple(out), padding=b"")

    def _held(self, part: _Part) -> Iterator[Klv]:
        return (child for child in part.stream.children if child.offset in self._runs)

    def _samples(self, label: str, parts: list[_Part]) -> Iterator[Klv]:
        """The KLVs of the samples kept: steps as they are, all others as one."""
        kept = self.kept[label]
        rows: list[Klv] = []
        steps = False
        for part in parts:
            for node in self._held(part):
                run = self._runs[node.offset]
                begin, end = max(kept.first, run.first), min(kept.last, run.first + run.count)
                if begin >= end:
                    continue
                steps |= run.step
                rows.append(
                    node if end - begin == run.count else _rows(node, begin - run.first, end - run.first)
                )
        if steps:
            stepped = self.found.streams[label].pieces.step.any()
            for node in rows:
                own = self._runs.get(node.offset)
                if stepped and own is not None and not own.step and node.repeat > 1:
                    yield from (_rows(node, at, at + 1) for at in range(node.repeat))
                else:
                    yield node
        elif len(rows) > 1:
            data = b"".join(node.data for node in rows)
            repeat = sum(node.repeat for node in rows)
            if repeat <= MAX_REPEAT:
                yield replace(rows[-1], data=data, repeat=repeat, padding=b"", offset=-1)
            else:
                yield from rows
        else:
            yield from rows

    def _nothing(self, label: str, node: Klv) -> list[Klv]:
        """No samples, in a way that no reader takes for a step of no rows."""
        none = replace(node, data=b"", repeat=0, padding=b"", offset=-1)
        stream = self.found.streams[label]
        stepped = stream.key in STEPPED or bool(stream.pieces.step.any())
        return [leaf("EMPT", "L", 1), none] if stepped else [none]

    def _modifier(
        self, label: str, node: Klv, parts: list[_Part], total: int, begin: int, *, moved: bool, empty: bool
    ) -> Klv | None:
        """One modifier as it is in the window; None where it would say something of no sample."""
        if node.key == "TSMP":
            return _number(node, total)
        if node.key not in _CLOCKS:
            return node
        if empty:
            return None
        stream = self.found.streams[label]
        if node.key == "STMP":
            first = begin == self.kept[label].first and label in self.stamps
            changed = _number(node, self.stamps[label]) if first else node
        elif node.key == "TOCK":
            changed = _later(node, self._early(stream, label, parts) * _MS)
        elif moved:
            anchor, late = self._since(stream, begin, node.key, parts)
            move = _utc_later if node.key == "GPSU" else _later
            changed = move(anchor or node, late if node.key == "GPSU" else late * _MS)
        else:
            changed = node
        return changed

    def _since(self, stream: Stream, begin: int, key: str, parts: list[_Part]) -> tuple[Klv | None, float]:
        """What the STRM that holds sample `begin` says under `key`, and by how much it is after its first."""
        for part in parts:
            runs = [self._runs[node.offset] for node in self._held(part)]
            if runs and runs[0].first <= begin < runs[-1].first + runs[-1].count:
                late = float(stream.times[begin] - stream.times[runs[0].first])
                return part.stream.child(key), late
        return None, 0.0

    def _early(self, stream: Stream, label: str, parts: list[_Part]) -> float:
        """How much before the end of the last STRM the samples kept end (s, negative)."""
        runs = [self._runs[node.offset] for node in self._held(parts[-1])]
        end = runs[-1].first + runs[-1].count if runs else 0
        kept = min(self.kept[label].last, end)
        return float(stream.times[kept - 1] - stream.times[end - 1]) if 0 < kept < end else 0.0

    def _earlier(self, label: str, base: Klv, number: int) -> list[Klv]:
        """Modifiers that hold from payloads before the window and that `base` does not say again."""
        pieces = self.found.streams[label].pieces
        piece = int(np.searchsorted(pieces.payload, number))
        said = {child.key for child in base.children}
        rows = pieces.rows.only(pieces.rows.piece < piece)
        last: dict[str, Klv] = {}
        for key in sorted(MODIFIERS - _OF_ONE_PAYLOAD - said):
            mine = rows.of(code(key))
            if len(mine.at):
                last[key] = mine.node(len(mine.at) - 1)
        # SCAL, TYPE and the like in the order in which cameras write them: as they came.
        return [replace(node, offset=-1) for node in sorted(last.values(), key=lambda node: node.offset)]

    def _unsaid(self, label: str) -> tuple[Klv, Klv] | None:
        """(device, STRM without samples) for a stream that begins later and needs what was said before."""
        stream, kept = self.found.streams[label], self.kept[label]
        pieces = stream.pieces
        later = np.flatnonzero((kept.inside > 0) & (pieces.payload > self.first))
        if not len(later):
            return None
        number = int(pieces.payload[later[0]])
        for device in self._tree(number).nodes:
            for child in device.children:
                if self._label(child) == label:
                    missing = self._earlier(label, child, self.first)
                    if not missing:
                        return None
                    model = next(each for each in child.children if each.offset in self._runs)
                    made = replace(child, children=(*missing, *self._nothing(label, model)), padding=b"")
                    return device, made
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


def _rows(node: Klv, first: int, last: int) -> Klv:
    """Samples [first, last) of a KLV."""
    data = node.data[first * node.size : last * node.size]
    return replace(node, data=data, repeat=last - first, padding=b"", offset=-1)


def _number(node: Klv, value: int) -> Klv:
    """The same KLV with another number in it; itself where the number is the same or does not fit."""
    width = len(node.data)
    if node.type not in "LJ" or width not in {4, 8} or not 0 <= value < 1 << 8 * width:
        return node
    data = value.to_bytes(width, "big")
    return node if data == node.data else replace(node, data=data)


def _later(node: Klv, by: float) -> Klv:
    """A clock reading (TICK, TOCK) by so many ticks later."""
    return _number(node, int.from_bytes(node.data, "big") + round(by))


def _utc_later(node: Klv, by_s: float) -> Klv:
    """GPSU, "yymmddhhmmss.sss", by so many seconds later."""
    if len(node.data) != _GPSU_LENGTH:
        return node
    text = node.data.decode("latin-1")
    try:
        moment = datetime.strptime(text + "000", "%y%m%d%H%M%S.%f").replace(tzinfo=UTC)
    except ValueError:
        return node  # without a fix, cameras may write anything
    moment += timedelta(seconds=by_s, microseconds=500)
    data = f"{moment:%y%m%d%H%M%S}.{moment.microsecond // 1000:03}".encode()
    return replace(node, data=data)
