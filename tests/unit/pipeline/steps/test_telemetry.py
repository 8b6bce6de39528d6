"""Telemetry is stored unchanged and in open formats, and never fails an asset."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jsonschema
import pytest
from tests.unit.pipeline.source_facts import facts

from eddyline.core.errors import ProofError, TransientError
from eddyline.core.processes.runner import Runner
from eddyline.edit.reel.search import HighlightRequest, find_highlights
from eddyline.gpmf import export
from eddyline.gpmf.export.json_document import json_schema
from eddyline.media.ladder.profile import HighlightSettings, load_profile
from eddyline.media.source.source import TelemetryFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.mp4.slice import iter_samples
from eddyline.pipeline.demo_clip import make_clip
from eddyline.pipeline.publication import manifest_sections
from eddyline.pipeline.runtime import highlight_segments
from eddyline.pipeline.runtime.index_cache import IndexCache, IndexedSource
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput
from eddyline.pipeline.steps import telemetry as step
from eddyline.store.ranges import FileRanges


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "demo.mp4", seconds=3, width=160, height=90)


def _payloads(path: Path) -> list[bytes]:
    with FileRanges(path) as src:
        track = read_movie(src).first_track("telemetry")
        return list(iter_samples(src, track)) if track else []


def _output(path: Path, work: Path, *, highlights: HighlightSettings | None = None) -> StepOutput:
    """The output of the step for a file."""
    work.mkdir(exist_ok=True)
    payloads = _payloads(path)
    telemetry = TelemetryFacts(
        payloads=len(payloads),
        bytes=sum(map(len, payloads)),
        sha256=hashlib.sha256(b"".join(payloads)).hexdigest(),
    )
    profile = load_profile("default").model_copy(update={"highlights": highlights})
    with FileRanges(path) as src:
        movie = read_movie(src)
    audio = tuple(SimpleNamespace(track=track.number) for track in movie.tracks_of_kind("audio"))
    found = replace(facts(), telemetry=telemetry if payloads else None, audio=cast("Any", audio))
    plan = SimpleNamespace(name=path.name, facts=found, profile=profile)

    @contextmanager
    def open_source() -> Iterator[IndexedSource]:
        with FileRanges(path) as src:
            yield IndexCache().get(path, src)

    tools = Toolchain.find() if highlights else None
    task = SimpleNamespace(
        plan=plan,
        work=work,
        open_source=open_source,
        runtime=SimpleNamespace(tools=tools),
        runner=Runner(),
    )
    return step.telemetry(cast("Task", task))


def _manifest(output: StepOutput) -> dict[str, Any]:
    """The manifest's section, validated by its schema."""
    section = manifest_sections.telemetry(Part(key="k", files={}, result=output.result, cpu_s=0.0))
    schema = json.loads(files("eddyline.pipeline.publication").joinpath("manifest.schema.json").read_text())
    jsonschema.validate(section, {**schema["properties"]["telemetry"], "$defs": schema["$defs"]})
    return section


def _damaged(clip: Path, out: Path, number: int, change: bytes) -> Path:
    """The clip with the start of one payload overwritten."""
    with FileRanges(clip) as src:
        track = read_movie(src).first_track("telemetry")
    assert track
    data = bytearray(clip.read_bytes())
    at = int(track.samples.offset[number])
    data[at : at + len(change)] = change
    out.write_bytes(data)
    return out


def test_all_telemetry_is_exported(clip: Path, tmp_path: Path) -> None:
    output = _output(clip, tmp_path / "work")
    assert (tmp_path / "work" / "payloads.gpmf").read_bytes() == b"".join(_payloads(clip))
    section = _manifest(output)
    assert section["gpx"] == "telemetry/track.gpx"
    assert sorted(output.files) == sorted(
        Path(path).name
        for path in section.values()
        if isinstance(path, str) and path.startswith("telemetry/")
    )
    assert section["camera"]["model"] == "Eddyline Demo"
    assert section["streams"]["ACCL"]["samples"] == 600
    assert (section["gps"]["key"], section["gps"]["points"], section["warnings"]) == ("GPS5", 54, [])
    assert section["gps"]["began"] == "2025-06-21T10:00:00.000Z"
    document = json.loads(gzip.decompress(output.files["telemetry.json.gz"].read_bytes()))
    jsonschema.validate(document, json_schema())
    assert len(json.loads(output.files["highlights.json"].read_bytes())["highlights"]) == 2


def test_the_highlights_are_listed_if_the_profile_asks_for_them(
    clip: Path, tmp_path: Path, tools: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = HighlightSettings(duration_s=2.0, max_segment_s=2.0)
    first, second = (_output(clip, tmp_path / name, highlights=settings) for name in ("first", "second"))
    assert _manifest(first)["highlight_segments"] == "telemetry/highlight-segments.json"
    data = first.files["highlight-segments.json"].read_bytes()
    assert data == second.files["highlight-segments.json"].read_bytes()
    listed = json.loads(data)
    request = HighlightRequest(duration_s=2.0, max_segment_s=2.0)
    assert listed == find_highlights([clip], request, tools=tools).to_json()
    assert [each["kind"] for each in listed["segments"]] == ["hilight"]
    assert "highlight_segments" not in _manifest(_output(clip, tmp_path / "without"))

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(highlight_segments, "write_highlight_segments", fail)
    section = _manifest(_output(clip, tmp_path / "failed", highlights=settings))
    assert section["highlight_segments"] is None
    assert section["warnings"] == ["the highlights cannot be found: ZeroDivisionError"]


def test_two_runs_write_the_same_bytes(clip: Path, tmp_path: Path) -> None:
    first, second = (_output(clip, tmp_path / name) for name in ("first", "second"))
    assert first.result == second.result
    for name, path in first.files.items():
        assert path.read_bytes() == second.files[name].read_bytes(), name


@pytest.mark.parametrize(
    "change",
    [bytes(64), b"\xff" * 64, b"DEVC\0\x01\xff\xff", b"DEVC\0\x01\0\x08DVIDL\x04\0\x01", b"GARB" * 16],
    ids=["zeros", "ones", "an invalid length", "a short device", "invalid keys"],
)
def test_damaged_telemetry_causes_only_warnings(clip: Path, tmp_path: Path, change: bytes) -> None:
    damaged = _damaged(clip, tmp_path / "damaged.mp4", 1, change)
    output = _output(damaged, tmp_path / "work")
    section = _manifest(output)
    assert output.files["payloads.gpmf"].read_bytes() == b"".join(_payloads(damaged))
    assert 400 <= section["streams"]["ACCL"]["samples"] <= 600  # the other two payloads are intact
    if change != bytes(64):
        assert section["warnings"]
        assert all(str(tmp_path) not in each for each in section["warnings"])
    assert _output(damaged, tmp_path / "again").result == output.result


def test_of_fully_damaged_telemetry_the_payloads_and_the_camera_remain(clip: Path, tmp_path: Path) -> None:
    damaged = clip
    for number in range(3):
        damaged = _damaged(damaged, tmp_path / f"{number}.mp4", number, b"\x01" * 3000)
    section = _manifest(_output(damaged, tmp_path / "work"))
    assert (section["payloads"], section["gpx"], section["gps"]) == ("telemetry/payloads.gpmf", None, None)
    assert section["camera"]["model"] == "Eddyline Demo"
    assert 0 < len(section["warnings"]) <= 21


def test_an_unexpected_exception_becomes_a_warning(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> tuple[str, ...]:
        raise ZeroDivisionError

    monkeypatch.setattr(export, "write_side_files", fail)
    section = _manifest(_output(clip, tmp_path / "work"))
    assert section["warnings"] == ["the telemetry cannot be parsed: ZeroDivisionError"]
    assert section["payloads"]


def test_a_full_disk_is_not_a_warning(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> tuple[str, ...]:
        raise TransientError("the disk is full")

    monkeypatch.setattr(export, "write_side_files", fail)
    with pytest.raises(TransientError):
        _output(clip, tmp_path / "work")


def test_payloads_that_changed_since_inspection_are_rejected(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "iter_samples", lambda *_: [b"other"])
    with pytest.raises(ProofError, match="differs from the telemetry that was inspected"):
        _output(clip, tmp_path / "work")


def test_highlights_outside_the_video_cause_a_warning(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "late.mp4"
    shutil.copy(clip, path)
    data = bytearray(path.read_bytes())
    at = data.index(b"HMMT") + 8
    data[at : at + 4] = (99_000).to_bytes(4, "big")
    path.write_bytes(data)
    (warning,) = _manifest(_output(path, tmp_path / "work"))["warnings"]
    assert warning.startswith("1 of the camera's HiLights are outside the video (3.003 s)")


def test_the_telemetry_of_a_real_camera_is_exported(samples: Path, tmp_path: Path) -> None:
    section = _manifest(_output(samples / "max-heromode.mp4", tmp_path / "work"))
    assert section["camera"]["model"] == "GoPro Max"
    assert section["streams"]["ACCL"]["samples"] == 2082
    assert (section["gps"]["points"], section["highlights"], section["warnings"]) == (191, None, [])
