"""Payloads: the blocks of GPMF of one recording, each with the time range that it covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.format.klv import FILL, HEADER
from eddyline.gpmf.format.reader import skip_zeros

# The duration of a camera's payload: 30 frames of 29.97 Hz video.
RAW_PAYLOAD_S = 1.001
DEVICE = b"DEVC"
ZERO_WORD = FILL.encode()

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Payloads:
    """All payloads of one telemetry track, joined.

    `data` contains the payloads back to back, each padded to a multiple of 4 bytes. Payload i is
    data[at[i]:at[i + 1]]; it starts at byte `offset[i]` of its file and covers the movie time [start_s[i],
    end_s[i]) in seconds. `timed` is False if the file has no times and 1.001 s per payload are assumed.
    """

    data: bytes
    at: Int64s
    offset: Int64s
    start_s: Floats
    end_s: Floats
    timed: bool = True

    def __len__(self) -> int:
        return len(self.offset)

    def __getitem__(self, number: int) -> bytes:
        """The bytes of one payload (padded to 4 if its size is odd)."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self.data[int(self.at[number]) : int(self.at[number + 1])]


def join_payloads(blocks: Sequence[bytes], *, offset: Int64s, start_s: Floats, end_s: Floats) -> Payloads:
    """Payloads with known times, as in the gpmd track of an MP4."""
    padded = [block if len(block) % 4 == 0 else block + bytes(-len(block) % 4) for block in blocks]
    at = np.zeros(len(padded) + 1, dtype=np.int64)
    np.cumsum([len(block) for block in padded], out=at[1:])
    return Payloads(data=b"".join(padded), at=at, offset=offset, start_s=start_s, end_s=end_s)


def split_payloads(data: bytes) -> Payloads:
    """The payloads of a raw file, which contains them back to back.

    A payload ends where a device appears that it already has (by its DVID): karma's camera and drone share
    each payload, a HERO's DEVCs are one payload each. Without a track the times are unknown: each payload is
    assumed to cover 1.001 s from the end of the previous one; streams with STMP are placed by it (see
    `timing`).
    """
    starts: list[int] = []
    seen: set[bytes] = set()
    at, end = 0, len(data)
    unpack = HEADER.unpack_from
    while at + HEADER.size <= end:
        key, _, size, repeat = unpack(data, at)
        if key == ZERO_WORD:
            at = skip_zeros(data, at, end)
            continue
        if key == DEVICE:
            device = data[at + 16 : at + 20] if data[at + 8 : at + 12] == b"DVID" else b""
            if not starts or device in seen:
                starts.append(at)
                seen.clear()
            seen.add(device)
        elif not starts:
            starts.append(at)
        at += HEADER.size + (size * repeat + 3) // 4 * 4
    if not data:
        return no_payloads()
    starts = [0, *starts[1:]]
    padded = data if end % 4 == 0 else data + bytes(-end % 4)
    number = np.arange(len(starts), dtype=np.float64)
    return Payloads(
        data=padded,
        at=np.array([*starts, len(padded)], dtype=np.int64),
        offset=np.array(starts, dtype=np.int64),
        start_s=number * RAW_PAYLOAD_S,
        end_s=(number + 1) * RAW_PAYLOAD_S,
        timed=False,
    )


def no_payloads() -> Payloads:
    """An empty set of payloads: a still image, or a movie without a telemetry track."""
    nothing = np.empty(0)
    return join_payloads((), offset=nothing.astype(np.int64), start_s=nothing, end_s=nothing)
