"""The JSON output has one object per line; the last one is the report."""

from __future__ import annotations

import io
import json
import os
from typing import Any

from eddyline.cli.json_output import JsonOutput
from eddyline.media.left_out.report import LeftOut
from eddyline.pipeline.runs.events import AssetFinished, AssetProgress, RunReport, SourceSkipped


def progress(stage: str = "encode", name: str = "a") -> AssetProgress:
    return AssetProgress(
        asset=name,
        name=name,
        stage=stage,
        fraction=0.5,
        frames_done=1,
        frames_total=2,
        speed=None,
        eta_s=None,
    )


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().split("\n")[:-1]]


def test_every_kind_of_event_has_its_own_name() -> None:
    stream = io.StringIO()
    display = JsonOutput(stream, clock=lambda: 0.0)
    display.show(progress())
    display.show(SourceSkipped(path="a.jpg", reason="a still image"))
    assert lines(stream) == [
        {
            "event": "progress", "asset": "a", "name": "a", "stage": "encode", "fraction": 0.5,
            "frames_done": 1, "frames_total": 2, "speed": None, "eta_s": None,
        },
        {"event": "skipped", "path": "a.jpg", "reason": "a still image"},
    ]  # fmt: skip


def test_only_progress_events_are_rate_limited() -> None:
    stream = io.StringIO()
    display = JsonOutput(stream, clock=lambda: 0.0)
    for _ in range(10):
        display.show(progress())
    display.show(progress("assemble"))
    display.show(progress(name="b"))
    assert [(line["asset"], line["stage"]) for line in lines(stream)] == [
        ("a", "encode"), ("a", "assemble"), ("b", "encode"),
    ]  # fmt: skip


def test_the_last_line_is_the_report() -> None:
    stream = io.StringIO()
    omitted = LeftOut(kind="data", what="track 5", why="unknown")
    asset = AssetFinished(asset="a", name="a.mp4", manifest="m", page="p", reused=True, left_out=(omitted,))
    JsonOutput(stream).finish(RunReport(finished=(asset,), failed=(), skipped=()))
    assert lines(stream) == [
        {
            "event": "finished",
            "assets": [
                {
                    "asset": "a",
                    "name": "a.mp4",
                    "manifest": "m",
                    "page": "p",
                    "reused": True,
                    "left_out": [{"kind": "data", "what": "track 5", "why": "unknown"}],
                }
            ],
            "failed": [],
            "skipped": [],
            "interrupted": "",
        }
    ]


def test_a_name_with_invalid_utf8_or_a_newline_is_printed_on_one_line() -> None:
    stream = io.StringIO()
    name = os.fsdecode(b"\xff\n\xe2\x80\xa8.mp4")
    JsonOutput(stream).show(SourceSkipped(path=name, reason="odd"))
    stream.getvalue().encode("ascii")
    (line,) = lines(stream)
    assert line["path"] == name
