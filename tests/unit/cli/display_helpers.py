"""Events of a run, a clock that tests set, and a console that writes to memory."""

from __future__ import annotations

import io

from rich.console import Console

from eddyline.pipeline.runs.events import AssetFailed, AssetFinished, AssetProgress


class SettableClock:
    """A clock whose time is set by the test."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def progress(
    fraction: float, *, stage: str = "encode", name: str = "a.mp4", eta: float | None = 9.0
) -> AssetProgress:
    done = int(fraction * 1802)
    return AssetProgress(
        asset=f"id-{name}", name=name, stage=stage, fraction=fraction,
        frames_done=done, frames_total=1802, speed=1.25, eta_s=eta,
    )  # fmt: skip


def finished(name: str = "a.mp4") -> AssetFinished:
    return AssetFinished(asset=f"id-{name}", name=name, manifest="m.json", page="index.html", reused=False)


def failed(name: str) -> AssetFailed:
    return AssetFailed(
        asset=f"id-{name}", name=name, source=name, job="", reason="it is empty", remedy="copy it again"
    )


def screen(width: int = 110, height: int = 24, *, terminal: bool = False) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(
        file=text,
        width=width,
        height=height,
        force_terminal=terminal,
        markup=False,
        highlight=False,
        legacy_windows=False,
    ), text
