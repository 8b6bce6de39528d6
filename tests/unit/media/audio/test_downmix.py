"""The stereo downmix has the levels of ITU-R BS.775, measured with a tone in each channel."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from eddyline.core.processes.runner import Runner
from eddyline.media.audio.channel_layouts import channel_mix
from eddyline.media.audio.downmix import stereo_matrix
from eddyline.media.audio.encode import encode_track
from eddyline.media.audio.renditions import AudioRendition, audio_renditions
from eddyline.media.ladder.profile import AudioSettings
from eddyline.media.source.source import AudioFacts
from eddyline.media.toolchain import Toolchain

Levels = np.ndarray[tuple[int, int], np.dtype[np.float64]]
RATE, SECONDS = 48_000, 2
TONES = (400, 700, 1000, 1300, 1700, 2100, 2600, 3100)  # Hz, by channel
AMPLITUDE = 0.2
C = 1 / (1 + 2**0.5)  # of the front channels of 5.1: the sum of all gains is 1
# Gains to left and right, by layout, as they follow from BS.775; written out, not computed by the code.
EXPECTED = {
    "5.1": ((C, 0, C / 2**0.5, 0, C / 2**0.5, 0), (0, C, C / 2**0.5, 0, 0, C / 2**0.5)),
    "5.1(side)": ((C, 0, C / 2**0.5, 0, C / 2**0.5, 0), (0, C, C / 2**0.5, 0, 0, C / 2**0.5)),
    "quad": ((2 - 2**0.5, 0, 2**0.5 - 1, 0), (0, 2 - 2**0.5, 0, 2**0.5 - 1)),
    "7.1": (
        (C, 0, C / 2**0.5, 0, C / 8**0.5, 0, C / 8**0.5, 0),
        (0, C, C / 2**0.5, 0, 0, C / 8**0.5, 0, C / 8**0.5),
    ),
}


def write_tones(ffmpeg: str, out: Path, layout: str, channels: int) -> AudioFacts:
    """Write PCM with a tone in each channel; returns its facts."""
    tones = "|".join(f"{AMPLITUDE}*sin(2*PI*{tone}*t)" for tone in TONES[:channels])
    source = f"aevalsrc={tones}:c={layout}:s={RATE}:d={SECONDS}"
    argv = (ffmpeg, "-y", "-v", "error", "-f", "lavfi", "-i", source, "-c:a", "pcm_s24le", str(out))
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return AudioFacts(track=1, codec="pcm_s24le", channels=channels, sample_rate=RATE, layout=layout)


def levels(ffmpeg: str, path: Path, channels: int, tones: int) -> Levels:
    """The amplitude of each tone in each channel of an encoded file."""
    argv = (ffmpeg, "-v", "error", "-i", str(path), "-f", "f32le", "-")
    raw = subprocess.run(argv, check=True, capture_output=True, timeout=60).stdout
    samples = np.frombuffer(raw, "<f4").reshape(-1, channels)
    assert len(samples) == RATE * SECONDS
    middle = samples[RATE // 2 : RATE // 2 + RATE].astype(np.float64)  # whole periods of every tone
    times = np.arange(len(middle)) / RATE
    return np.array(
        [
            [2 * abs(np.mean(channel * np.exp(-2j * np.pi * tone * times))) for tone in TONES[:tones]]
            for channel in middle.T
        ]
    )


@pytest.mark.parametrize("layout", list(EXPECTED))
def test_each_channel_has_its_level_in_the_stereo_rendition(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, layout: str
) -> None:
    expected = np.array(EXPECTED[layout])
    facts = write_tones(ffmpeg, tmp_path / "a.mov", layout, expected.shape[1])
    stereo, surround = audio_renditions([facts], "aac")
    found = encode(tools, tmp_path / "a.mov", facts, stereo)
    measured = levels(ffmpeg, found, 2, expected.shape[1]) / AMPLITUDE
    audible = expected > 0
    decibels = 20 * np.log10(measured[audible] / expected[audible])
    assert np.abs(decibels).max() < 0.03
    assert measured[~audible].max() < 0.0005  # the other side, and LFE: below -66 dB
    # The rendition beside it has every channel in its place.
    channels = surround.mix.channels
    apart = levels(ffmpeg, encode(tools, tmp_path / "a.mov", facts, surround), channels, channels) / AMPLITUDE
    if layout != "7.1":
        own = np.diag(apart)
        assert np.abs(20 * np.log10(np.delete(own, 3) if channels == 6 else own)).max() < 0.05
        assert (apart - np.diag(own)).max() < 0.01


def encode(tools: Toolchain, source: Path, facts: AudioFacts, rendition: AudioRendition) -> Path:
    out = source.with_name(f"{rendition.name}.m4a")
    settings = AudioSettings(kbps_per_channel=128)
    encode_track(source, facts, settings, tools=tools, runner=Runner(), out=out, rendition=rendition)
    return out


@pytest.mark.parametrize(
    ("layout", "channels"),
    [
        ("5.1", 6),
        ("5.0", 5),
        ("4.0", 4),
        ("3.0(back)", 3),
        ("2.1", 3),
        ("7.1", 8),
        ("6.0(front)", 6),
        ("hexagonal", 6),
    ],
)
def test_no_gain_exceeds_full_scale(layout: str, channels: int) -> None:
    matrix = stereo_matrix(channel_mix(channels, layout).positions)
    for gains in (matrix.left, matrix.right):
        assert sum(gains) <= 1 + 3e-6
        assert min(gains) >= 0
    assert sum(matrix.left) == pytest.approx(1, abs=3e-6)


def test_two_front_channels_with_lfe_are_unchanged_and_lfe_is_left_out() -> None:
    matrix = stereo_matrix(("FL", "FR", "LFE"))
    assert (matrix.left, matrix.right) == ((1, 0, 0), (0, 1, 0))
    assert matrix.filters[-1] == "pan=stereo|c0=1*c0|c1=1*c1"
    assert matrix.to_json() == {"left": {"FL": 1.0}, "right": {"FR": 1.0}}
    assert stereo_matrix(("LFE",)).filters[-1] == "pan=stereo|c0=0*c0|c1=0*c0"
