"""A synthetic camera: payloads with known contents, built with the library's own writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from eddyline import gpmf

PayloadBuilder = Callable[..., bytes]


@pytest.fixture
def payload() -> PayloadBuilder:
    """payload(streams, device=1, name="Camera") -> the bytes of one payload with one device."""

    def build(streams: Sequence[gpmf.Klv], *, device: int | str = 1, name: str = "Camera") -> bytes:
        return gpmf.serialize([gpmf.device(device, name, streams)])

    return build


@pytest.fixture
def ramp() -> PayloadBuilder:
    """ramp(counts) -> payloads whose ACCL counts up through the given numbers of samples; TSMP continues."""

    def build(counts: Sequence[int], *, stamps: Sequence[int] = (), key: str = "ACCL") -> bytes:
        out, total = [], 0
        for number, count in enumerate(counts):
            rows = [[total + i, -(total + i), 7] for i in range(count)]
            total += count
            stamp = stamps[number] if stamps else None
            stream = gpmf.stream(key, "s", rows, scale=[10], units=["m/s²"], total=total, stamp=stamp)
            out.append(gpmf.serialize([gpmf.device(1, "Camera", [stream])]))
        return b"".join(out)

    return build
