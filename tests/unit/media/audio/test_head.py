"""The start of an audio track is encoded as in the whole track."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from eddyline.core.errors import ProofError
from eddyline.core.processes.runner import Runner
from eddyline.edit.track_range import TrackRange, cut_audio
from eddyline.media.audio.encode import encode_track
from eddyline.media.audio.head import MARGIN_S, encode_head, samples_until, take_head
from eddyline.media.ladder.profile import AudioSettings
from eddyline.media.source.source import AudioFacts
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.rendition_tracks import read_encoded_audio
from eddyline.mp4.index import read_movie
from eddyline.mp4.slice import iter_samples
from eddyline.mp4.write.mux import write_mp4
from eddyline.store.ranges import FileRanges

SETTINGS = AudioSettings()


def _samples(path: Path) -> list[bytes]:
    with FileRanges(path) as file:
        return [bytes(each) for each in iter_samples(file, read_movie(file).tracks[0])]


@pytest.fixture(scope="module", params=["aac 48000", "pcm_s16le 44100", "aac 8000"])
def encoded(
    request: pytest.FixtureRequest, tools: Toolchain, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A whole encoded track of 12 s, and the head of its first 4 s."""
    codec, rate = request.param.split()
    folder = tmp_path_factory.mktemp("head")
    source, container = folder / "source.mp4", "mov" if codec.startswith("pcm") else "mp4"
    # Noise with bursts: the encoder changes its windows and its rate.
    graph = f"anoisesrc=d=12:r={rate}:a=0.4:seed=3,tremolo=f=3:d=0.9"
    argv = (tools.ffmpeg, "-v", "error", "-f", "lavfi", "-i", graph, "-c:a", codec, "-f", container, source)
    subprocess.run([*map(str, argv)], check=True)
    facts = AudioFacts(track=1, codec=codec, channels=1, sample_rate=int(rate), language="und", layout="mono")
    with FileRanges(source) as file:
        movie = read_movie(file)
        cut = TrackRange(start=Fraction(0), end=4 + MARGIN_S, timescale=movie.timescale)
        copy = cut_audio(movie, movie.tracks[0], file, cut)
        assert copy is not None
        brand = "qt  " if movie.quicktime else "isom"
        write_mp4(folder / "cut.mp4", [copy], timescale=movie.timescale, brand=brand, compatible=(brand,))
    whole, head = folder / "whole.m4a", folder / "head.m4a"
    encode_track(source, facts, SETTINGS, tools=tools, runner=Runner(), out=whole, video_end=Fraction(12))
    encode_head(folder / "cut.mp4", facts, SETTINGS, tools=tools, runner=Runner(), out=head, end=4 + MARGIN_S)
    return whole, head


def test_the_head_has_the_frames_of_the_whole_track(encoded: tuple[Path, Path]) -> None:
    whole, head = map(_samples, encoded)
    assert head == whole[: len(head)]
    assert samples_until(read_encoded_audio(encoded[1]), Fraction(4)) < len(head) < len(whole)


def test_a_track_with_the_frames_of_its_head_is_used_as_it_is(
    encoded: tuple[Path, Path], tmp_path: Path
) -> None:
    whole, head = encoded
    assert take_head(whole, head, tmp_path / "out.m4a") == whole


def test_a_track_encoded_by_another_cpu_takes_the_frames_of_its_head(
    encoded: tuple[Path, Path], tmp_path: Path
) -> None:
    whole, head = encoded
    changed = bytearray(head.read_bytes())
    with FileRanges(head) as file:
        offset = int(read_movie(file).tracks[0].samples.offset[3])
    changed[offset + 4] ^= 0xFF
    other = tmp_path / "head.m4a"
    other.write_bytes(changed)
    joined = take_head(whole, other, tmp_path / "out.m4a")
    assert _samples(joined) == [*_samples(other), *_samples(whole)[len(_samples(head)) :]]
    assert read_encoded_audio(joined).samples == read_encoded_audio(whole).samples


def test_a_head_with_other_parameters_is_refused(
    encoded: tuple[Path, Path], tools: Toolchain, tmp_path: Path
) -> None:
    whole, _ = encoded
    other = tmp_path / "other.m4a"
    argv = (tools.ffmpeg, "-v", "error", "-f", "lavfi", "-i", "sine=d=1:r=32000", "-c:a", "aac", other)
    subprocess.run([*map(str, argv)], check=True)
    with pytest.raises(ProofError, match="other parameters"):
        take_head(whole, other, tmp_path / "out.m4a")
