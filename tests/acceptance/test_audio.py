"""Audio of several tracks, languages and channels, from the source to HLS, DASH and MP4."""

from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import jsonschema
import numpy as np
import pytest
from tests.acceptance.conftest import manifest_of

Program = tuple[str, ...]
Samples: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.float32]]
MPD = "{urn:mpeg:dash:schema:mpd:2011}"
RATE, SECONDS = 48_000, 2
TONES = (300, 500, 700, 60, 1100, 1300)  # Hz, of 5.1


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published asset: its directory, manifest and master playlist."""

    directory: Path
    manifest: dict[str, Any]
    master: str
    mpd: ET.Element


def publish(source: Path, out: Path, eddyline: Program, profile: Path) -> Published:
    arguments = ["run", str(source), "--out", str(out), "--profile", str(profile), "--json"]
    done = subprocess.run([*eddyline, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = manifest_of(out)
    schema = files("eddyline.pipeline.publication").joinpath("manifest.schema.json").read_text()
    jsonschema.validate(manifest, json.loads(schema))
    (path,) = out.glob("assets/*/manifest.json")
    stream = path.parent / "stream"
    return Published(
        directory=path.parent,
        manifest=manifest,
        master=(stream / "master.m3u8").read_text(),
        mpd=ET.parse(stream / "manifest.mpd").getroot(),  # noqa: S314 - our own file
    )


def tones_of(channels: int) -> str:
    return "|".join(f"0.15*sin(2*PI*{tone}*t)" for tone in TONES[:channels])


@pytest.fixture(scope="module")
def published(
    tmp_path_factory: pytest.TempPathFactory, ffmpeg: str, eddyline: Program, small_profile: Path
) -> Published:
    """An asset of 5.1 in English, mono in German, titled stereo in English, and ambisonics; with Opus."""
    work = tmp_path_factory.mktemp("audio")
    profile = work / "opus.yaml"
    profile.write_text(f"{small_profile.read_text()}audio: {{codec: opus}}\n")
    inputs = (
        f"testsrc2=s=320x180:r=30:d={SECONDS}",
        f"aevalsrc={tones_of(6)}:c=5.1:s={RATE}:d={SECONDS}",
        f"sine=f=900:r={RATE}:d={SECONDS}",
        f"aevalsrc=0.1*sin(2000*t)|0.1*sin(3000*t):s={RATE}:d={SECONDS}",
        f"aevalsrc={tones_of(4)}:c=4.0:s={RATE}:d={SECONDS}",
    )
    argv = [ffmpeg, "-v", "error", *(part for each in inputs for part in ("-f", "lavfi", "-i", each))]
    argv += [part for number in range(5) for part in ("-map", str(number))]
    argv += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "pcm_s24le"]
    argv += ["-c:a:3", "pcm_s32le", "-metadata:s:a:3", "handler_name=GoPro AMB"]
    for number, language in enumerate(("eng", "ger", "eng")):
        argv += [f"-metadata:s:a:{number}", f"language={language}"]
    source = work / "source.mov"
    subprocess.run([*argv, "-metadata:s:a:2", 'title=Wind "raw"', str(source)], check=True)
    return publish(source, work / "out", eddyline, profile)


def decode(ffmpeg: str, path: Path, track: int, channels: int) -> Samples:
    argv = (ffmpeg, "-v", "error", "-i", str(path), "-map", f"0:a:{track}", "-f", "f32le", "-")
    raw = subprocess.run(argv, check=True, capture_output=True).stdout
    return np.frombuffer(raw, "<f4").reshape(-1, channels)


def media(master: str) -> list[dict[str, str]]:
    tags = re.findall(r"(?m)^#EXT-X-MEDIA:(.*)$", master)
    attribute = re.compile(r'([A-Z-]+)=("[^"]*"|[^,]*)')
    return [{key: value.strip('"') for key, value in attribute.findall(tag)} for tag in tags]


def test_hls_has_stereo_first_and_surround_in_a_group_with_the_same_members(published: Published) -> None:
    names = ("GROUP-ID", "URI", "LANGUAGE", "NAME", "DEFAULT", "AUTOSELECT", "CHANNELS")
    found = [tuple(each[name] for name in names) for each in media(published.master)]
    english, german = ("en", "Audio 1 (eng)", "YES", "YES"), ("de", "Audio 2 (deu)", "NO", "YES")
    wind, ambisonic = ("en", "Wind raw", "NO", "NO"), ("und", "Ambisonic, as stereo", "NO", "YES")
    assert found == [
        ("audio", "audio-1/main.m3u8", *english, "2"),
        ("audio", "audio-2/main.m3u8", *german, "1"),
        ("audio", "audio-3/main.m3u8", *wind, "2"),
        ("audio", "audio-4/main.m3u8", *ambisonic, "2"),
        ("audio-surround", "audio-1-surround/main.m3u8", *english, "6"),
        ("audio-surround", "audio-2/main.m3u8", *german, "1"),
        ("audio-surround", "audio-3/main.m3u8", *wind, "2"),
        ("audio-surround", "audio-4/main.m3u8", *ambisonic, "2"),
        ("audio-opus", "audio-1-opus/main.m3u8", *english, "2"),
        ("audio-opus", "audio-2-opus/main.m3u8", *german, "1"),
        ("audio-opus", "audio-3-opus/main.m3u8", *wind, "2"),
        ("audio-opus", "audio-4-opus/main.m3u8", *ambisonic, "2"),
        ("audio-surround-opus", "audio-1-surround-opus/main.m3u8", *english, "6"),
        ("audio-surround-opus", "audio-2-opus/main.m3u8", *german, "1"),
        ("audio-surround-opus", "audio-3-opus/main.m3u8", *wind, "2"),
        ("audio-surround-opus", "audio-4-opus/main.m3u8", *ambisonic, "2"),
    ]
    variant = re.compile(r'(?m)^#EXT-X-STREAM-INF:.*CODECS="([^"]*)".*AUDIO="([^"]*)".*\n(.*)$')
    variants = variant.findall(published.master)
    assert variants[0][1] == "audio"
    assert len(variants) == 4 * len({uri for *_, uri in variants})
    assert {(codecs.partition(",")[2], group) for codecs, group, _ in variants} == {
        ("mp4a.40.2", "audio"),
        ("mp4a.40.2", "audio-surround"),
        ("Opus", "audio-opus"),
        ("Opus", "audio-surround-opus"),
    }


def test_dash_has_the_same_audio_with_channels_and_languages(published: Published) -> None:
    found = []
    for each in published.mpd.iter(f"{MPD}AdaptationSet"):
        if each.get("contentType") == "audio":
            channels = next(each.iter(f"{MPD}AudioChannelConfiguration"))
            codec = next(each.iter(f"{MPD}Representation")).get("codecs")
            found.append((each.get("lang"), each.findtext(f"{MPD}Label"), codec, channels.get("value")))
    assert sorted(found, key=str) == [
        ("de", "Audio 2 (deu)", "mp4a.40.2", "1"),
        ("de", "Audio 2 (deu), opus", "Opus", "1"),
        ("en", "Audio 1 (eng)", "mp4a.40.2", "2"),
        ("en", "Audio 1 (eng), opus", "Opus", "2"),
        ("en", "Audio 1 (eng), surround", "mp4a.40.2", "6"),
        ("en", "Audio 1 (eng), surround, opus", "Opus", "6"),
        ("en", "Wind raw", "mp4a.40.2", "2"),
        ("en", "Wind raw, opus", "Opus", "2"),
        ("und", "Ambisonic, as stereo", "mp4a.40.2", "2"),
        ("und", "Ambisonic, as stereo, opus", "Opus", "2"),
    ]


def test_every_sample_is_in_renditions_and_streams_and_both_mixes_are_aligned(
    ffmpeg: str, published: Published
) -> None:
    assert published.manifest["proof"]["audio_samples"] == [RATE * SECONDS] * 10
    (rendition, *_) = sorted((published.directory / "renditions").glob("*.mp4"))
    mixes = [decode(ffmpeg, rendition, place, count) for place, count in enumerate((2, 6, 2, 6))]
    assert [len(each) for each in mixes[:2]] == [RATE * SECONDS] * 2
    times = np.arange(RATE) / RATE  # one second, from 0.5 s
    middle = slice(RATE // 2, RATE // 2 + RATE)
    turn = np.exp(-2j * np.pi * TONES[0] * times)
    phases = np.array([np.angle(np.mean(samples[middle, 0] * turn)) for samples in mixes])
    shifts = (phases - phases[0]) / (2 * np.pi * TONES[0]) * RATE  # samples
    assert np.abs(shifts[:2]).max() < 0.05
    assert np.abs(shifts[2:]).max() < 0.5  # Opus has a high-pass filter
    for name, channels in (("audio-1", 2), ("audio-1-surround", 6), ("audio-1-opus", 2)):
        playlist = published.directory / "stream" / name / "main.m3u8"
        assert len(decode(ffmpeg, playlist, 0, channels)) == pytest.approx(RATE * SECONDS, abs=1024)


def test_the_manifest_states_tracks_channels_and_the_matrix(published: Published) -> None:
    audio = published.manifest["audio"]
    assert [(each["track"], each["codec"], each["channels"], each["language"]) for each in audio] == [
        (0, "aac", 2, "eng"),
        (0, "aac", 6, "eng"),
        (0, "opus", 2, "eng"),
        (0, "opus", 6, "eng"),
        (1, "aac", 1, "deu"),
        (1, "opus", 1, "deu"),
        (2, "aac", 2, "eng"),
        (2, "opus", 2, "eng"),
        (3, "aac", 2, "und"),
        (3, "opus", 2, "und"),
    ]
    matrix = {
        "left": {"FL": 0.414214, "FC": 0.292893, "BL": 0.292893},
        "right": {"FR": 0.414214, "FC": 0.292893, "BR": 0.292893},
    }
    assert [place for place, each in enumerate(audio) if "downmix" in each] == [0, 2, 8, 9]
    assert audio[0]["downmix"] == audio[2]["downmix"] == matrix
    assert published.manifest["left_out"] == []


def test_one_audio_track_of_a_rendition_is_enabled_and_titles_are_kept(
    ffprobe: str, published: Published
) -> None:
    (rendition, *_) = sorted((published.directory / "renditions").glob("*.mp4"))
    argv = (ffprobe, "-v", "error", "-select_streams", "a", "-show_streams", "-of", "json", str(rendition))
    streams = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)["streams"]
    assert [each["disposition"]["default"] for each in streams] == [1] + [0] * 9
    assert streams[6]["tags"]["name"] == 'Wind "raw"'


def test_the_stream_violates_no_rule_that_is_a_must(eddyline: Program, published: Published) -> None:
    argv = [*eddyline, "validate", str(published.directory / "stream"), "--segments", "all"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert " 0 MUST" in done.stdout


def test_ambisonic_audio_is_kept_as_a_file_and_decoded_by_two_cardioids(
    ffmpeg: str, ffprobe: str, published: Published
) -> None:
    described = [each["ambisonic"] for each in published.manifest["audio"] if "ambisonic" in each]
    (found,) = described
    assert (found["order"], found["channels"]) == (1, 4)
    assert published.manifest["audio"][8]["downmix"] == {
        "left": {"W": 0.5, "Y": 0.5},
        "right": {"W": 0.5, "Y": -0.5},
    }
    path = published.directory / found["path"]
    assert path.stat().st_size == found["bytes"]
    assert sorted(each.name for each in path.parent.iterdir()) == ["ambisonic-4.mp4"]
    argv = (ffprobe, "-v", "error", "-show_entries", "stream=channels,channel_layout", "-of", "csv=p=0", path)
    assert subprocess.run(argv, check=True, capture_output=True, text=True).stdout == "4,ambisonic 1\n"
    (source,) = published.directory.parents[2].glob("source.mov")
    kept, original = decode(ffmpeg, path, 0, 4), decode(ffmpeg, source, 3, 4)
    assert np.array_equal(kept, original)
    (rendition, *_) = sorted((published.directory / "renditions").glob("*.mp4"))
    stereo = decode(ffmpeg, rendition, 8, 2)
    middle, times = slice(RATE // 2, RATE // 2 + RATE), np.arange(RATE) / RATE
    waves = np.array([np.sin(2 * np.pi * tone * times) for tone in TONES[:3]])
    levels = 2 / RATE * waves @ stereo[middle]
    expected = np.array([[0.075, 0.075], [0.075, -0.075], [0, 0]])
    assert np.abs(levels - expected).max() < 0.001
