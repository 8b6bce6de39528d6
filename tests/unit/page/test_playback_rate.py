from __future__ import annotations

from typing import Any

import pytest

from eddyline.page.playback_rate import PlaybackRate, playback_rate


def _manifest(rates: list[str | None], *, variable: bool = False) -> dict[str, Any]:
    video = {"fps": "120", "frames": 601, "variable_rate": variable}
    renditions: list[dict[str, str]] = [{} if each is None else {"fps": each} for each in rates]
    return {"source": {"video": video}, "renditions": renditions}


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        (["60", "30"], PlaybackRate(fps=60.0, frames=301, step=2)),
        (["120"], PlaybackRate(fps=120.0, frames=601, step=1)),
        ([None, None], PlaybackRate(fps=120.0, frames=601, step=1)),
        ([], PlaybackRate(fps=120.0, frames=601, step=1)),
    ],
)
def test_the_frame_counter_has_the_rate_of_the_fastest_rendition(
    rates: list[str | None], expected: PlaybackRate
) -> None:
    assert playback_rate(_manifest(rates)) == expected


def test_a_variable_rate_has_no_frame_counter() -> None:
    assert playback_rate(_manifest(["60"], variable=True)).fps == 0
