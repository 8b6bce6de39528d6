"""HiLights of a recording: in the manifest, the chapters of renditions and streams, and the thumbnails."""

from __future__ import annotations

import json
import subprocess
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from tests.acceptance.conftest import manifest_of

from eddyline.pipeline.demo_clip import make_clip

Program = tuple[str, ...]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "GX010001.MP4", seconds=5, width=320, height=180)


def _run(eddyline: Program, clip: Path, out: Path, profile: Path) -> Path:
    arguments = ["run", str(clip), "--out", str(out), "--profile", str(profile), "--json"]
    subprocess.run([*eddyline, *arguments], check=True, capture_output=True)
    (manifest,) = out.glob("assets/*/manifest.json")
    return manifest.parent


@pytest.fixture(scope="module")
def asset(
    tmp_path_factory: pytest.TempPathFactory, eddyline: Program, clip: Path, small_profile: Path
) -> Path:
    return _run(eddyline, clip, tmp_path_factory.mktemp("out"), small_profile)


def test_the_manifest_lists_each_highlight_with_its_frame_and_image(asset: Path) -> None:
    manifest = json.loads((asset / "manifest.json").read_text())
    schema = json.loads(files("eddyline.pipeline.publication").joinpath("manifest.schema.json").read_text())
    jsonschema.validate(manifest, schema)
    assert [(each["time_s"], each["frame"], each["kind"]) for each in manifest["highlights"]] == [
        (1.251, 37, "manual"),
        (3.003, 90, "manual"),
    ]
    for each in manifest["highlights"]:
        assert (asset / each["thumbnail"]).read_bytes().startswith(b"\xff\xd8\xff")
    for name in ("payloads", "udta", "json", "gpx", "geojson", "svg", "highlights"):
        assert (asset / manifest["telemetry"][name]).stat().st_size > 0


def test_every_rendition_and_the_stream_have_the_chapters(asset: Path, ffprobe: str) -> None:
    manifest = json.loads((asset / "manifest.json").read_text())
    for rendition in manifest["renditions"]:
        output = subprocess.run(
            [ffprobe, "-v", "error", "-show_chapters", "-of", "json", asset / rendition["path"]],
            check=True,
            capture_output=True,
        ).stdout
        found = [(each["start_time"], each["tags"]["title"]) for each in json.loads(output)["chapters"]]
        assert found == [("0.000000", "Start"), ("1.234567", "HiLight 1"), ("3.003000", "HiLight 2")]
    reported = json.loads((asset / "stream" / "chapters.json").read_text())
    assert [each["start-time"] for each in reported] == [0.0, 1.234567, 3.003]
    assert 'URI="chapters.json"' in (asset / manifest["stream"]["hls"]).read_text()
    assert (asset / manifest["stream"]["dash"]).read_text().count("<Event ") == 3


def test_players_without_chapter_support_play_the_file(asset: Path, ffmpeg: str) -> None:
    for path in (*asset.glob("renditions/*.mp4"), asset / "stream" / "master.m3u8"):
        done = subprocess.run(
            [
                ffmpeg,
                "-v",
                "warning",
                "-xerror",
                "-i",
                path,
                "-map",
                "0:v:0",
                "-map",
                "0:a",
                "-f",
                "null",
                "-",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        assert [line for line in done.stderr.splitlines() if "Unsupported codec" not in line] == []


def test_a_second_run_in_another_directory_creates_the_same_files(
    asset: Path, clip: Path, tmp_path: Path, eddyline: Program, small_profile: Path
) -> None:
    again = _run(eddyline, clip, tmp_path, small_profile)
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (asset, again)
    )
    assert first.keys() == second.keys()
    differing = {str(path) for path, data in first.items() if data != second[path]}
    assert differing <= {"manifest.json", "index.html"}
    manifests = [json.loads((asset / "manifest.json").read_text()), manifest_of(tmp_path)]
    for each in manifests:
        each.pop("run")
    assert manifests[0] == manifests[1]
