"""Decodes payloads into streams: groups the index by device and key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eddyline.gpmf.errors import WarningCollector
from eddyline.gpmf.format.types import COMPRESSED, latin_text
from eddyline.gpmf.index import Index, build_index, key_code, key_name
from eddyline.gpmf.keys import FRAME_KEYS, MODIFIERS
from eddyline.gpmf.payloads import Int64s, Payloads
from eddyline.gpmf.stream_pieces import Pieces, Rows, build_pieces
from eddyline.gpmf.streams import Device, Stream
from eddyline.gpmf.timing import Origin, PayloadSamples, build_timeline

MAX_STREAMS = 512
_MODIFIER_CODES = np.array(sorted(key_code(key) for key in MODIFIERS), dtype=np.int64)


def decode_payloads(
    payloads: Payloads, collector: WarningCollector
) -> tuple[Payloads, tuple[Device, ...], dict[str, Stream]]:
    """The decompressed payloads, all devices, and all streams by label in order of appearance."""
    index = build_index(payloads, collector)
    if (index.head >> 24 == ord(COMPRESSED)).any():
        from eddyline.gpmf.format.decompression import decompress_payloads  # noqa: PLC0415 - seldom needed

        payloads = decompress_payloads(payloads, index, collector)
        index = build_index(payloads, WarningCollector(lenient=True))  # the warnings are known already
    which, devices = _devices(index, payloads)
    groups = _group(index, which)
    if len(groups) > MAX_STREAMS:
        collector.error(f"{len(groups)} streams, more than {MAX_STREAMS}")
    pieces: list[tuple[str, str, Device, Pieces]] = []
    labels: set[str] = set()
    for group in groups[:MAX_STREAMS]:
        device = devices[group.device]
        label = _label(group.key, device, labels)
        labels.add(label)
        measured = build_pieces(
            _rows(index, payloads, group), key_code(group.key), group.payload, collector, label
        )
        pieces.append((label, group.key, device, measured))
    zero = _origin(payloads, [(key, each) for _, key, _, each in pieces])
    streams: dict[str, Stream] = {}
    for label, key, device, each in pieces:
        samples = PayloadSamples(
            payload=each.payload, samples=each.samples, stamp=each.stamps, latency=each.latency
        )
        timeline = build_timeline(samples, payloads.start_s, payloads.end_s, zero)
        stream = streams[label] = Stream(key=key, label=label, device=device, pieces=each, timeline=timeline)
        if len(stream) and not stream.type:
            collector.warn(
                f"{each.size} bytes of type {each.char!r} cannot be decoded: kept as bytes", path=label
            )
    return payloads, tuple(devices), streams


@dataclass(frozen=True, kw_only=True, eq=False)
class _Group:
    """One stream: its device number, its key, its rows of the index, and the payload of each STRM."""

    device: int
    key: str
    rows: Int64s
    payload: Int64s


def _label(key: str, device: Device, used: set[str]) -> str:
    """The fourcc; "fourcc@device" for a later device; numbered for a second stream of one device."""
    if key not in used:
        return key
    wanted = f"{key}@{device.name or device.id}"
    label, number = wanted, 2
    while label in used:
        label, number = f"{wanted}#{number}", number + 1
    return label


def _devices(index: Index, payloads: Payloads) -> tuple[Int64s, list[Device]]:
    """The number of each DEVC's device (one per DVID), and the devices."""
    count = len(index.payload_of)
    identity = np.zeros(count, dtype=np.int64)
    direct = index.stream < 0
    ids = np.flatnonzero(direct & (index.key == key_code("DVID")) & (index.length >= 4))  # noqa: PLR2004 - a 32-bit number
    words = np.frombuffer(payloads.data, dtype=">u4")
    identity[index.device[ids]] = words[index.at[ids] // 4]
    four = np.zeros(count, dtype=bool)
    four[index.device[ids]] = index.head[ids] >> 24 == ord("F")
    values, first, which = np.unique(identity, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    number = place[which.ravel()]
    names = np.flatnonzero(direct & (index.key == key_code("DVNM")))
    named = number[index.device[names]]
    devices = []
    for at, old in enumerate(order.tolist()):
        mine = names[named == at]
        label = ""
        if len(mine):
            row, size = int(mine[0]), int(index.length[mine[0]])
            start = int(index.at[row])
            label = latin_text(payloads.data[start : start + size])
        value = int(values[old])
        devices.append(Device(id=key_name(value) if four[first[old]] else value, name=label, number=at))
    return number, devices


def _group(index: Index, device_number: Int64s) -> list[_Group]:
    """STRMs by (device, key of the samples, position among the device's STRMs with that key)."""
    inside = np.flatnonzero(index.stream >= 0)
    stream = index.stream[inside]
    if not len(stream):
        return []
    last = inside[np.append(np.flatnonzero(np.diff(stream)), len(stream) - 1)]
    key = index.key[last].astype(np.int64)
    ends_in_samples = ~np.isin(key, _MODIFIER_CODES) & (index.head[last] >> 24 != 0)
    last, key = last[ends_in_samples], key[ends_in_samples]
    strm = index.stream[last]
    devc = index.device[last]
    place = _occurrence(devc * (1 << 32) + key)
    identity_of = _small_numbers(device_number[devc]) * (1 << 31) + _small_numbers(place * (1 << 32) + key)
    distinct, first, group = np.unique(identity_of, return_index=True, return_inverse=True)
    group_of = np.full(
        int(index.stream.max()) + 1, -1, dtype=np.int16 if len(distinct) < 1 << 15 else np.int64
    )
    group_of[strm] = group
    row_group = group_of[stream]
    rows = np.argsort(row_group, kind="stable")
    edges = np.searchsorted(row_group[rows], np.arange(len(distinct) + 1))
    out = []
    for number in np.argsort(first).tolist():
        mine = np.flatnonzero(group == number)
        out.append(
            _Group(
                device=int(device_number[devc[mine[0]]]),
                key=key_name(int(key[mine[0]])),
                rows=inside[rows[edges[number] : edges[number + 1]]],
                payload=index.payload_of[devc[mine]],
            )
        )
    return out


def _small_numbers(code_of: Int64s) -> Int64s:
    """Maps distinct codes to small consecutive numbers."""
    return np.unique(code_of, return_inverse=True)[1].ravel().astype(np.int64)


def _occurrence(code_of: Int64s) -> Int64s:
    """How many equal codes precede each code."""
    order = np.argsort(code_of, kind="stable")
    ordered = code_of[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    place = np.empty_like(order)
    place[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return place


def _rows(index: Index, payloads: Payloads, group: _Group) -> Rows:
    rows = group.rows
    # Every STRM of the group has at least one row, that of its samples.
    piece = np.cumsum(np.diff(index.stream[rows], prepend=-1) != 0) - 1
    return Rows(
        data=payloads.data, at=index.at[rows], key=index.key[rows], head=index.head[rows], piece=piece
    )


def _origin(payloads: Payloads, streams: list[tuple[str, Pieces]]) -> Origin | None:
    """The zero of the STMP clock (see `timing`, rule 1)."""
    best: tuple[int, int, float] | None = None
    for key, each in streams:
        stamped = np.flatnonzero(~np.isnan(each.stamps))
        if len(stamped):
            at = int(stamped[0])
            rank = FRAME_KEYS.index(key) if key in FRAME_KEYS else len(FRAME_KEYS)
            candidate = (rank, int(each.payload[at]), float(each.stamps[at]))
            best = candidate if best is None else min(best, candidate)
    if best is None:
        return None
    return Origin(ticks=best[2], seconds=float(payloads.start_s[best[1]]))
