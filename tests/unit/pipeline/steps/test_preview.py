"""The preview: playable while the source is encoded, and a part of the final stream, byte for byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from eddyline import pipeline
from eddyline.media.streaming import fragment_duration
from eddyline.media.streaming.playlists import read_master_playlist, read_media_playlist
from eddyline.media.streaming.preview import MASTER
from eddyline.pipeline.publication import preview_files
from eddyline.pipeline.runtime.parts import Part
from eddyline.pipeline.runtime.runtime import Task

_PROFILE = """
description: two rungs with segments of two seconds
rungs:
  - {height: 90, codec: h264, crf: 30, preset: veryfast, maxrate_kbps: 600, bufsize_kbps: 1200}
  - {height: 64, codec: h264, crf: 30, preset: veryfast, maxrate_kbps: 300, bufsize_kbps: 600}
gop_s: 1.0
segment_s: 2.0
"""
_KILLED = """
import os, signal, sys
from eddyline import pipeline
from eddyline.pipeline.publication import preview_files
show = preview_files.show_preview
def show_and_die(task, part):
    show(task, part)
    if task.job.kind == sys.argv[4]:
        os.kill(os.getpid(), signal.SIGKILL)
preview_files.show_preview = show_and_die
pipeline.run(sys.argv[1], out=sys.argv[2], profile=sys.argv[3], slots=1)
"""


@pytest.fixture(scope="module")
def source(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 21 s with audio, at a variable number of B-frames, and its profile beside it."""
    folder = tmp_path_factory.mktemp("preview")
    (folder / "small.yaml").write_text(_PROFILE)
    # The picture stands still for the first seconds: x264 then reorders other frames than later.
    video = "testsrc2=s=160x90:r=10:d=21,loop=loop=30:size=1:start=0,trim=duration=21"
    audio = "anoisesrc=d=21:r=48000:a=0.2:seed=1"
    options = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-c:a", "aac", "-shortest")
    argv = (ffmpeg, "-v", "error", "-f", "lavfi", "-i", video, "-f", "lavfi", "-i", audio, *options)
    subprocess.run([*argv, str(folder / "clip.mp4")], check=True)
    return folder / "clip.mp4"


@dataclass
class Recorded:
    """A finished run: `states` has the visible files of the stream after each job of the preview."""

    asset: Path
    states: list[dict[str, bytes]] = field(default_factory=list)


def _stream(out: Path) -> dict[str, bytes]:
    (stream,) = out.glob("assets/*/stream")
    return {
        path.relative_to(stream).as_posix(): path.read_bytes() for path in stream.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="module")
def recorded(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A run of the clip with a record of its preview."""
    out = tmp_path_factory.mktemp("recorded")
    states: list[dict[str, bytes]] = []
    show = preview_files.show_preview

    def record(task: Task, part: Part) -> None:
        show(task, part)
        assert not list(out.glob("assets/*/manifest.json"))
        states.append(_stream(out))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preview_files, "show_preview", record)
        report = pipeline.run(source, out=out, profile=source.with_name("small.yaml"), slots=2)
    assert len(report.finished) == 1
    (asset,) = out.glob("assets/*")
    return Recorded(asset=asset, states=states)


def test_the_first_segment_is_playable_before_the_rest(recorded: Recorded) -> None:
    first = recorded.states[0]
    assert sorted(first) == [
        *("64p/00001.m4s", "64p/init.mp4", "64p/main.m3u8"),
        *("audio-1/00001.m4s", "audio-1/init.mp4", "audio-1/main.m3u8", MASTER),
    ]
    master = read_master_playlist(first[MASTER].decode(), MASTER)
    assert list(master.variants) == ["64p/main.m3u8"]
    assert list(master.audio) == ["audio-1/main.m3u8"]
    assert master.iframes == ()
    for name in ("64p", "audio-1"):
        playlist = read_media_playlist(first[f"{name}/main.m3u8"].decode(), name)
        assert [segment.uri for segment in playlist.segments] == ["00001.m4s"]
        assert not playlist.ended
        assert "#EXT-X-PLAYLIST-TYPE:EVENT" in first[f"{name}/main.m3u8"].decode()


def test_the_first_segment_decodes(recorded: Recorded, ffmpeg: str, tmp_path: Path) -> None:
    first = recorded.states[0]
    joined = tmp_path / "joined.mp4"
    joined.write_bytes(first["64p/init.mp4"] + first["64p/00001.m4s"])
    argv = (ffmpeg, "-v", "error", "-i", str(joined), "-f", "framemd5", "-")
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert sum(not line.startswith("#") for line in done.stdout.splitlines()) == 20
    assert done.stderr == ""


def test_playlists_only_grow_and_end_as_the_published_ones(recorded: Recorded) -> None:
    final = {
        name: data.decode() for name, data in _stream(recorded.asset.parents[1]).items() if "main" in name
    }
    for name in ("64p/main.m3u8", "audio-1/main.m3u8"):
        texts = [state[name].decode() for state in recorded.states]
        counts = [text.count("#EXTINF") for text in texts]
        assert counts == sorted(counts)
        assert len(set(counts)) > 2
        ended = final[name].replace("PLAYLIST-TYPE:VOD", "PLAYLIST-TYPE:EVENT")
        assert all(ended.startswith(text) for text in texts)
        assert ended.endswith(("#EXT-X-ENDLIST\n", "#EXT-X-ENDLIST"))


def test_the_segments_shown_early_are_those_of_the_published_stream(recorded: Recorded) -> None:
    final = _stream(recorded.asset.parents[1])
    for state in recorded.states:
        media = {name: data for name, data in state.items() if name.endswith((".m4s", ".mp4"))}
        assert media == {name: final[name] for name in media}
    assert MASTER not in final
    assert "master.m3u8" in final


@pytest.mark.parametrize("kind", ["preview", "extend"])
def test_after_a_kill_the_stream_has_the_segments_that_were_shown(
    kind: str, source: Path, recorded: Recorded, tmp_path: Path
) -> None:
    profile = source.with_name("small.yaml")
    argv = (sys.executable, "-c", _KILLED, source, tmp_path, profile, kind)
    killed = subprocess.run([*map(str, argv)], check=False, env=os.environ, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    shown = _stream(tmp_path)
    assert not list(tmp_path.glob("assets/*/manifest.json"))
    assert len(pipeline.run(source, out=tmp_path, profile=profile).finished) == 1
    final = _stream(tmp_path)
    media = {name: data for name, data in shown.items() if name.endswith((".m4s", ".mp4"))}
    assert media
    assert media == {name: final[name] for name in media}
    assert final == _stream(recorded.asset.parents[1])


def test_an_asset_whose_preview_differs_is_not_published(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An init segment that depends on the length of the stream, as the packager writes it.
    monkeypatch.setattr("eddyline.media.streaming.preview.remove_fragment_duration", lambda _: None)
    assert callable(fragment_duration.remove_fragment_duration)
    report = pipeline.run(source, out=tmp_path, profile=source.with_name("small.yaml"))
    assert "differ from those of the stream" in str(report.failed[0])
    assert not list(tmp_path.glob("assets/*/manifest.json"))
