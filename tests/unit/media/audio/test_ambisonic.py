"""Which tracks are ambisonic, how they become stereo, and that their samples are kept."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eddyline.core.errors import ProofError
from eddyline.core.processes.runner import Runner
from eddyline.media.audio import ambisonic_file
from eddyline.media.audio.ambisonic import LABEL, stereo_decode
from eddyline.media.audio.ambisonic_file import write_ambisonic_file
from eddyline.media.audio.renditions import unmixed_rendition
from eddyline.media.audio.tracks import probe_audio_tracks
from eddyline.media.source.source import AudioFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.entries.ambisonic import Ambisonics, read_ambisonics, with_ambisonics
from eddyline.mp4.index import read_movie
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import passthrough
from eddyline.store.ranges import FileRanges


def make(ffmpeg: str, out: Path, *options: str, channels: int = 4) -> Path:
    tones = "|".join(f"0.2*sin({2000 + 500 * number}*t)" for number in range(channels))
    argv = [ffmpeg, "-y", "-v", "error", "-f", "lavfi", "-i", f"aevalsrc={tones}:s=48000:d=0.2"]
    subprocess.run([*argv, *options, str(out)], check=True, capture_output=True, timeout=60)
    return out


def facts_of(path: Path, tools: Toolchain) -> AudioFacts:
    with FileRanges(path) as src:
        movie = read_movie(src)
        found = probe_audio_tracks(src, movie, runner=Runner(), tools=tools, work=path.parent)
    assert found.left_out == ()
    return found.facts[0]


def named(handler: str, codec: str = "pcm_s32le") -> tuple[str, ...]:
    return ("-c:a", codec, "-metadata:s:a:0", f"handler_name={handler}")


def test_the_track_of_a_gopro_max_is_ambisonic(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    facts = facts_of(make(ffmpeg, tmp_path / "a.mov", *named("GoPro AMB  ")), tools)
    assert (facts.ambisonic, facts.label) == ((0, 1, 2, 3), LABEL)
    rendition = unmixed_rendition(facts)
    assert rendition.mix.channels == 2
    assert rendition.mix.filters[-1] == "pan=stereo|c0=0.5*c0+0.5*c1|c1=0.5*c0-0.5*c1"


@pytest.mark.parametrize(
    ("options", "channels"),
    [
        (named("GoPro AAC"), 4),
        (named("Ambisonic"), 4),
        (named("GoPro AMB"), 2),
        (named("GoPro AMB", "aac"), 4),
    ],
)
def test_other_tracks_are_plain_audio(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, options: tuple[str, ...], channels: int
) -> None:
    facts = facts_of(make(ffmpeg, tmp_path / "a.mov", *options, channels=channels), tools)
    assert facts.ambisonic == ()
    assert unmixed_rendition(facts).mix.channels == channels


def test_the_decode_follows_the_order_of_channels() -> None:
    matrix = stereo_decode(Ambisonics(components=(3, 1, 2, 0)))
    assert matrix.filters[-1] == "pan=stereo|c0=0.5*c1+0.5*c3|c1=-0.5*c1+0.5*c3"
    assert matrix.to_json() == {"left": {"Y": 0.5, "W": 0.5}, "right": {"Y": -0.5, "W": 0.5}}
    locked = stereo_decode(Ambisonics(components=tuple(range(6))))
    assert (locked.left, locked.right) == ((0.25, 0.25, 0, 0, 0.5, 0), (0.25, -0.25, 0, 0, 0, 0.5))
    assert stereo_decode(Ambisonics(components=tuple(range(9)))).positions[4] == "ACN4"


@pytest.mark.parametrize("codec", ["pcm_s32le", "aac"])
def test_every_sample_and_the_order_of_channels_are_kept(ffmpeg: str, tmp_path: Path, codec: str) -> None:
    source, out = make(ffmpeg, tmp_path / "a.mov", "-c:a", codec), tmp_path / "ambisonic.mp4"
    order = Ambisonics(components=(0, 2, 1, 3))
    with FileRanges(source) as src:
        movie = read_movie(src)
        written = write_ambisonic_file(src, movie, movie.tracks[0], order, out)
    assert written.bytes == out.stat().st_size
    with FileRanges(out) as file:
        assert read_ambisonics(read_movie(file).tracks[0].stsd) == order
    assert np.array_equal(decoded(ffmpeg, out), decoded(ffmpeg, source))


def test_a_box_of_the_source_stays(ffmpeg: str, tmp_path: Path) -> None:
    plain, source, out = (
        make(ffmpeg, tmp_path / "a.mov", "-c:a", "pcm_s16le"),
        tmp_path / "b.mov",
        tmp_path / "o.mp4",
    )
    order = Ambisonics(components=(3, 2, 1, 0))
    with FileRanges(plain) as src:
        movie = read_movie(src)
        copy = passthrough(movie, movie.tracks[0], src)
        write_mp4(
            source,
            [replace(copy, stsd=with_ambisonics(copy.stsd, order))],
            timescale=movie.timescale,
            brand="qt  ",
        )
    with FileRanges(source) as src:
        movie = read_movie(src)
        write_ambisonic_file(src, movie, movie.tracks[0], order, out)
    assert out.read_bytes().count(b"SA3D") == 1


def test_a_changed_sample_is_detected(ffmpeg: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make(ffmpeg, tmp_path / "a.mov", "-c:a", "pcm_s16le")
    digests = iter(("00", "01"))
    monkeypatch.setattr(ambisonic_file, "samples_digest", lambda *_: next(digests))
    with FileRanges(source) as src:
        movie = read_movie(src)
        with pytest.raises(ProofError, match="differs"):
            write_ambisonic_file(
                src, movie, movie.tracks[0], Ambisonics(components=(0, 1, 2, 3)), tmp_path / "o.mp4"
            )


def decoded(ffmpeg: str, path: Path) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    argv = (ffmpeg, "-v", "error", "-i", str(path), "-c:a", "pcm_s32le", "-f", "s32le", "-")
    raw = subprocess.run(argv, check=True, capture_output=True, timeout=60).stdout
    return np.frombuffer(raw, "<i4")
