"""Chunked encoding is exact to the frame for every kind of source that once broke it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eddyline.core.errors import EddylineError, InputError
from eddyline.core.process import Runner
from eddyline.media.audio.encode import encode_track
from eddyline.media.ladder.chunks import Chunk, Grid, plan_chunks
from eddyline.media.ladder.ladder import Rung
from eddyline.media.ladder.profile import AudioSettings
from eddyline.media.source.open_source import main_video, open_source
from eddyline.media.source.probe import probe
from eddyline.media.source.source import SourceFacts, VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.media.video import encode
from eddyline.media.video.assemble import AssembledRendition, assemble_rendition
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation, build_presentation
from eddyline.mp4.slice import Slice, copy_tracks, iter_samples, write_slice
from eddyline.store.ranges import FileRanges

# Two seconds of 160x90 are enough for all of these mistakes. Sources have GOPs of 10, the grid has GOPs
# of 4, so that hardly a chunk begins where a source GOP does.
_X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "10", "-pix_fmt", "yuv420p"]
_X265 = ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"]
_OPEN_H264 = [*_X264, "-preset", "veryfast", "-x264-params", "open-gop=1:keyint=10:min-keyint=5:bframes=3"]
_OPEN_HEVC = [*_X265, "-x265-params", "open-gop=1:keyint=10:min-keyint=5:bframes=3:log-level=error"]
_DEEP_HEVC = [*_X265, "-pix_fmt", "yuv420p10le", "-x265-params", "keyint=10:log-level=error"]

_COLOURS = ("color_transfer", "color_primaries", "color_space", "color_range", "pix_fmt")


@dataclass(frozen=True)
class Made:
    """A recipe: what lavfi shows, how it is encoded, and in what it is wrapped."""

    rate: str = "30000/1001"
    size: str = "160x90"
    seconds: float = 2.2
    codec: tuple[str, ...] = tuple(_X264)
    suffix: str = "mp4"
    sounds: tuple[float, ...] = ()  # seconds of each audio track
    then: tuple[str, ...] = ()  # input options of a second pass that copies
    filters: str = "null"
    proves: Callable[[VideoFacts], bool] = lambda facts: not facts.variable_rate  # that the recipe worked


_SOURCES = {
    "23.976 frames/s": Made(rate="24000/1001"),
    "25 frames/s": Made(rate="25"),
    "29.97 frames/s": Made(),
    "50 frames/s": Made(rate="50", seconds=1.4),
    "59.94 frames/s": Made(rate="60000/1001", seconds=1.4),
    "120 frames/s": Made(rate="120", seconds=0.7),
    "a variable rate": Made(
        filters="select='gt(mod(n\\,5)\\,1)+eq(mod(n\\,7)\\,0)'", seconds=3, proves=lambda v: v.variable_rate
    ),
    "an edit list": Made(then=("-ss", "0.55")),
    "open GOPs of H.264": Made(codec=tuple(_OPEN_H264)),
    "open GOPs of HEVC": Made(codec=tuple(_OPEN_HEVC)),
    "open GOPs under an edit list": Made(codec=tuple(_OPEN_HEVC), then=("-ss", "0.55")),
    "HEVC of 10 bits": Made(codec=tuple(_DEEP_HEVC), proves=lambda v: v.bit_depth == 10),
    "MPEG-TS": Made(suffix="ts", sounds=(2.2,)),
    "MPEG-TS with open GOPs": Made(suffix="ts", codec=tuple(_OPEN_H264)),
    "Matroska": Made(suffix="mkv", sounds=(2.2,)),
    "QuickTime": Made(suffix="mov", codec=("-c:v", "prores_ks", "-profile:v", "0")),
    "rotation by 90": Made(then=("-display_rotation:v:0", "-90"), proves=lambda v: v.rotation == 90),
    "rotation by 180": Made(then=("-display_rotation:v:0", "-180"), proves=lambda v: v.rotation == 180),
    "rotation by 270": Made(then=("-display_rotation:v:0", "-270"), proves=lambda v: v.rotation == 270),
    "portrait": Made(size="90x160"),
    "odd dimensions": Made(
        filters="scale=161:91",
        codec=("-c:v", "mpeg4", "-q:v", "3", "-g", "10", "-bf", "2"),
        proves=lambda v: (v.width, v.height) == (161, 91),
    ),
    "full range": Made(
        codec=(*_X264, "-pix_fmt", "yuvj420p"),
        filters="scale=out_range=full",
        proves=lambda v: v.full_range,
    ),
    "a picture of wide pixels": Made(filters="setsar=4/3", proves=lambda v: v.pixel_aspect == Fraction(4, 3)),
    "one frame": Made(seconds=0.02, proves=lambda v: v.frames == 1),
    "three seconds": Made(seconds=3),
    "two audio tracks": Made(sounds=(2.2, 2.2)),
    "audio longer than video": Made(sounds=(3.5,)),
}


@dataclass(frozen=True)
class Source:
    original: Path
    path: Path
    movie: Movie
    track: Track
    shown: Presentation
    facts: SourceFacts


@dataclass
class Bench:
    """Everything a source goes through, step by step."""

    ffmpeg: str
    ffprobe: str
    tools: Toolchain
    work: Path

    def make(self, made: Made) -> Path:
        out = self.work / f"source.{made.suffix}"
        first = self.work / "first.mp4" if made.then else out
        inputs = ["-f", "lavfi", "-i", f"testsrc2=s={made.size}:r={made.rate}:d={made.seconds}"]
        maps = ["-map", "0:v"]
        for place, seconds in enumerate(made.sounds, 1):
            inputs += ["-f", "lavfi", "-i", f"sine=frequency=997:sample_rate=48000:duration={seconds}"]
            maps += ["-map", f"{place}:a"]
        self.run(*inputs, *maps, "-vf", made.filters, "-fps_mode", "passthrough", *made.codec, str(first))
        if made.then:
            self.run(*made.then, "-i", str(first), "-c", "copy", str(out))
        return out

    def run(self, *args: str) -> bytes:
        argv = [self.ffmpeg, "-hide_banner", "-nostdin", "-v", "error", "-y", *args]
        return subprocess.run(argv, check=True, capture_output=True).stdout

    def open(self, original: Path) -> Source:
        footage = open_source(original, work=self.work, runner=Runner(), tools=self.tools)
        track = main_video(footage.movie)
        with FileRanges(footage.path) as src:
            facts = probe(src, footage.movie, runner=Runner(), tools=self.tools, work=self.work)
        shown = build_presentation(footage.movie, track)
        return Source(original, footage.path, footage.movie, track, shown, facts)

    def slice(self, source: Source, chunk: Chunk) -> Slice:
        with FileRanges(source.path) as src:
            out = self.work / f"slice-{chunk.index}.mp4"
            return write_slice(src, source.movie, source.track, chunk.start, chunk.stop, out)

    def decoded(self, source: Source, piece: Slice, rungs: tuple[Rung, ...], grid: Grid) -> list[str]:
        """The hash of every picture that the largest rung's encoder would be given."""
        argv = encode.decode_arguments(piece, source.facts.video, rungs, grid, self.tools)
        others = [part for n in range(1, len(rungs)) for part in ("-map", f"[v{n}]", "-f", "null", "-")]
        out = ["-map", "[v0]", "-fps_mode", "passthrough", "-f", "framemd5", "-", *others]
        return _hashes(subprocess.run([*argv, *out], check=True, capture_output=True).stdout)

    def reference(self, source: Source, rung: Rung) -> list[str]:
        """The same of one plain decode of the whole original, by FFmpeg's own idea of upright."""
        scale = f"scale={rung.width}:{rung.height}:flags=bicubic:out_range=limited,format={rung.pixel_format}"
        flags = ["-vf", scale, "-fps_mode", "passthrough", "-f", "framemd5", "-"]
        return _hashes(self.run("-i", str(source.original), "-map", "0:v:0", *flags))

    def encoded(
        self, source: Source, chunks: tuple[Chunk, ...], rungs: tuple[Rung, ...], grid: Grid
    ) -> list[list[Path]]:
        """Chunk files by rung."""
        made = [
            encode.encode_chunk(
                self.slice(source, chunk),
                source.facts.video,
                rungs,
                grid,
                tools=self.tools,
                runner=Runner(),
                out_dir=self.work / f"chunk-{chunk.index}",
            )
            for chunk in chunks
        ]
        return [[chunk[place].path for chunk in made] for place in range(len(rungs))]

    def sounded(self, source: Source) -> list[Path]:
        """Every audio track, encoded whole."""
        made = []
        for place, (about, track) in enumerate(
            zip(source.facts.audio, source.movie.tracks_of_kind("audio"), strict=True)
        ):
            alone, out = self.work / f"sound-{place}.mp4", self.work / f"sound-{place}.m4a"
            with FileRanges(source.path) as src:
                copy_tracks(src, source.movie, [track], alone)
            encode_track(alone, about, AudioSettings(), tools=self.tools, runner=Runner(), out=out)
            made.append(out)
        return made

    def assembled(
        self, source: Source, rung: Rung, grid: Grid, chunks: list[Path], audio: list[Path]
    ) -> tuple[Path, AssembledRendition]:
        out = self.work / f"{rung.name}.mp4"
        with FileRanges(source.path) as src:
            result = assemble_rendition(
                out,
                rung=rung,
                grid=grid,
                movie=source.movie,
                track=source.track,
                presentation=source.shown,
                chunks=chunks,
                src=src,
                audio=audio,
                facts=source.facts,
            )
        return out, result

    def tags(self, path: Path) -> dict[str, str]:
        """What ffprobe says of the video's colours."""
        entries = "stream=" + ",".join(_COLOURS)
        argv = [self.ffprobe, "-v", "error", "-select_streams", "v:0", "-show_entries", entries]
        output = subprocess.run([*argv, "-of", "json", str(path)], check=True, capture_output=True).stdout
        tags: dict[str, str] = json.loads(output)["streams"][0]
        return tags

    def frames(self, path: Path) -> list[dict[str, Any]]:
        """What ffprobe decodes, frame by frame: time in ticks, and whether it is an IDR."""
        entries = "frame=best_effort_timestamp,key_frame,pict_type,width,height"
        argv = [
            self.ffprobe,
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_entries",
            entries,
            "-of",
            "json",
        ]
        output = subprocess.run([*argv, str(path)], check=True, capture_output=True).stdout
        frames: list[dict[str, Any]] = json.loads(output)["frames"]
        return frames


@pytest.fixture
def bench(ffmpeg: str, ffprobe: str, tools: Toolchain, tmp_path: Path) -> Bench:
    return Bench(ffmpeg, ffprobe, tools, tmp_path)


def _hashes(framemd5: bytes) -> list[str]:
    lines = framemd5.decode().splitlines()
    return [line.rsplit(",", 1)[1].strip() for line in lines if not line.startswith("#")]


def _rungs(facts: SourceFacts) -> tuple[Rung, ...]:
    """One rung of the source's own size and one of about half, quick to encode."""
    video = facts.video
    width, height = video.display_width // 2 * 2, video.display_height // 2 * 2
    top = Rung(
        name="whole",
        codec="h264",
        encoder="libx264",
        width=width,
        height=height,
        crf=23,
        preset="superfast",  # the quickest that reorders frames
        maxrate_kbps=2000,
        bufsize_kbps=4000,
        pixel_format="yuv420p",
    )
    half = replace(top, name="half", width=width // 4 * 2, height=height // 4 * 2)
    return top, half


def _grid(facts: SourceFacts) -> Grid:
    return Grid(gop=4, segment=8, fps=facts.video.fps)


@pytest.mark.parametrize("name", _SOURCES)
def test_chunks_are_exact_to_the_frame_with(name: str, bench: Bench) -> None:
    source = bench.open(bench.make(_SOURCES[name]))
    assert _SOURCES[name].proves(source.facts.video)
    rungs, grid = _rungs(source.facts), _grid(source.facts)
    chunks = plan_chunks(len(source.shown), grid, rungs)
    assert len(chunks) >= (1 if name == "one frame" else 4)

    pictures = [
        picture
        for chunk in chunks
        for picture in bench.decoded(source, bench.slice(source, chunk), rungs, grid)
    ]
    assert pictures == bench.reference(source, rungs[0])

    by_rung = bench.encoded(source, chunks, rungs, grid)
    for rung, files in zip(rungs, by_rung, strict=True):
        out, result = bench.assembled(source, rung, grid, files, [])
        frames = bench.frames(out)
        times = [int(frame["best_effort_timestamp"]) for frame in frames]
        assert times == source.shown.pts.tolist()
        keys = [number for number, frame in enumerate(frames) if frame["key_frame"]]
        assert tuple(keys) == result.idr == tuple(range(0, len(source.shown), grid.gop))
        assert {(frame["width"], frame["height"]) for frame in frames} == {(rung.width, rung.height)}


def test_every_codec_has_its_keyframes_at_the_same_frames(bench: Bench) -> None:
    source = bench.open(bench.make(Made(size="192x108")))
    h264, _ = _rungs(source.facts)
    rungs = (
        h264,
        replace(h264, name="hevc", codec="hevc", encoder="libx265", pixel_format="yuv420p10le"),
        replace(h264, name="av1", codec="av1", encoder="libsvtav1", preset="12", crf=35),
    )
    grid = _grid(source.facts)
    chunks = plan_chunks(len(source.shown), grid, rungs)
    for rung, files in zip(rungs, bench.encoded(source, chunks, rungs, grid), strict=True):
        out, result = bench.assembled(source, rung, grid, files, [])
        assert result.idr == tuple(range(0, len(source.shown), grid.gop))
        played = _hashes(bench.run("-i", str(out), "-fps_mode", "passthrough", "-f", "framemd5", "-"))
        assert len(played) == len(source.shown)


def test_interlaced_sources_keep_their_frames(bench: Bench) -> None:
    codec = (*_X264, "-x264-params", "interlaced=1:tff=1")
    source = bench.open(bench.make(Made(codec=codec, filters="setfield=tff", rate="25", size="160x96")))
    assert source.facts.video.interlaced
    rungs, grid = _rungs(source.facts), _grid(source.facts)
    chunks = plan_chunks(len(source.shown), grid, rungs)
    files = bench.encoded(source, chunks, rungs, grid)
    assert bench.assembled(source, rungs[0], grid, files[0], [])[1].frames == len(source.shown) == 55


def test_the_same_slice_gives_the_same_bytes_every_time(bench: Bench) -> None:
    source = bench.open(bench.make(Made()))
    grid, (h264, _) = _grid(source.facts), _rungs(source.facts)
    rungs = (
        h264,
        replace(h264, name="hevc", codec="hevc", encoder="libx265"),
        replace(h264, name="av1", codec="av1", encoder="libsvtav1", preset="12", crf=35),
    )
    chunk = plan_chunks(len(source.shown), grid, rungs)[1]
    frame_counts: list[int] = []
    contents = []
    for attempt in ("once", "again"):
        made = encode.encode_chunk(
            bench.slice(source, chunk),
            source.facts.video,
            rungs,
            grid,
            tools=bench.tools,
            runner=Runner(),
            out_dir=bench.work / attempt,
            on_frames=frame_counts.append,
        )
        contents.append([each.path.read_bytes() for each in made])
    assert contents[0] == contents[1]
    assert frame_counts[-1] == chunk.frames


def test_missing_decoded_frames_are_an_error_of_the_source(bench: Bench) -> None:
    source = bench.open(bench.make(Made(codec=("-c:v", "mjpeg"), suffix="mov")))
    rungs, grid = _rungs(source.facts), _grid(source.facts)
    samples = source.track.samples
    with source.path.open("r+b") as file:
        file.seek(int(samples.offset[20]))
        file.write(bytes(int(samples.size[20])))
    with pytest.raises(InputError, match=r"7 frames, but the index has 8: frames 4 of this chunk"):
        bench.encoded(source, (Chunk(index=0, start=16, stop=24),), rungs, grid)


def test_a_chunk_without_a_readable_frame_is_an_error_of_the_source(bench: Bench) -> None:
    source = bench.open(bench.make(Made(codec=("-c:v", "mjpeg"), suffix="mov")))
    rungs, grid = _rungs(source.facts), _grid(source.facts)
    samples = source.track.samples
    with source.path.open("r+b") as file:
        for number in range(16, 24):
            file.seek(int(samples.offset[number]))
            file.write(bytes(int(samples.size[number])))
    with pytest.raises(InputError, match=r"this chunk"):
        bench.encoded(source, (Chunk(index=0, start=16, stop=24),), rungs, grid)


def test_a_full_disk_is_not_an_error_of_the_source(bench: Bench) -> None:
    source = bench.open(bench.make(Made()))
    rungs, grid = _rungs(source.facts), _grid(source.facts)
    out = bench.work / "full"
    out.mkdir()
    for rung in rungs:
        (out / f"{rung.name}.mp4").symlink_to("/dev/full")
    with pytest.raises(EddylineError) as caught:
        encode.encode_chunk(
            bench.slice(source, Chunk(index=0, start=0, stop=8)),
            source.facts.video,
            rungs,
            grid,
            tools=bench.tools,
            runner=Runner(),
            out_dir=out,
        )
    assert caught.value.retry


@pytest.mark.parametrize("preset", ["superfast", "veryfast"])
def test_joined_chunks_never_drain_the_players_buffer(preset: str, bench: Bench) -> None:
    hard = "noise=alls=20:allf=t"
    source = bench.open(bench.make(Made(filters=hard, seconds=10, rate="25", codec=(*_X264, "-crf", "18"))))
    grid = Grid(gop=24, segment=48, fps=Fraction(25))
    rung = replace(_rungs(source.facts)[0], preset=preset, maxrate_kbps=300, bufsize_kbps=600, level=None)
    chunks = plan_chunks(len(source.shown), grid, (rung,))
    files = bench.encoded(source, chunks, (rung,), grid)[0]
    out, _ = bench.assembled(source, rung, grid, files, [])
    with FileRanges(out) as src:
        sizes = read_movie(src).tracks[0].samples.size
    capacity, each_frame = 600_000, 300_000 / 25
    level = lowest = capacity * 0.5
    for size in sizes.tolist():
        level -= size * 8
        lowest = min(lowest, level)
        level = min(level + each_frame, capacity)
    assert lowest >= 0
    # ... although the cap was what held the rate
    assert int(sizes.sum()) * 8 / 10 > 0.75 * 300_000


def test_full_range_becomes_limited_and_other_colours_stay(bench: Bench) -> None:
    tags = "color_primaries=smpte170m:color_trc=smpte170m:colorspace=smpte170m:range=full"
    picture = f"format=yuvj420p,geq=lum=255:cb=128:cr=128,setparams={tags}"
    source = bench.open(
        bench.make(Made(filters=picture, codec=(*_X264, "-pix_fmt", "yuvj420p"), seconds=0.5))
    )
    rung, grid = _rungs(source.facts)[0], _grid(source.facts)
    files = bench.encoded(source, plan_chunks(len(source.shown), grid, (rung,)), (rung,), grid)[0]
    out, _ = bench.assembled(source, rung, grid, files, [])
    color_tags = bench.tags(out)
    assert [color_tags[name] for name in _COLOURS] == ["smpte170m", "smpte170m", "smpte170m", "tv", "yuv420p"]
    raw = bench.run("-i", str(out), "-frames:v", "1", "-f", "rawvideo", "-")
    assert np.frombuffer(raw[: 160 * 90], np.uint8).mean() == pytest.approx(235, abs=1)


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084"])
def test_hdr_is_tone_mapped_or_kept_with_its_tags(transfer: str, bench: Bench) -> None:
    # Reference white, 203 cd/m2 (ITU-R BT.2408): 75 % of HLG, 58 % of PQ.
    white = {"arib-std-b67": 721, "smpte2084": 572}[transfer]
    tags = f"color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=limited"
    picture = f"format=yuv420p10le,geq=lum={white}:cb=512:cr=512,setparams={tags}"
    source = bench.open(bench.make(Made(filters=picture, codec=tuple(_DEEP_HEVC), seconds=0.5)))
    assert source.facts.video.hdr
    sdr, _ = _rungs(source.facts)
    deep = "yuv420p10le"
    kept = replace(sdr, name="kept", codec="hevc", encoder="libx265", pixel_format=deep, keep_hdr=True)
    grid = _grid(source.facts)
    files = bench.encoded(source, plan_chunks(len(source.shown), grid, (sdr, kept)), (sdr, kept), grid)
    seen = []
    for rung, chunks in zip((sdr, kept), files, strict=True):
        out, _ = bench.assembled(source, rung, grid, chunks, [])
        seen.append(bench.tags(out))
    assert [seen[0][name] for name in _COLOURS] == ["bt709", "bt709", "bt709", "tv", "yuv420p"]
    assert [seen[1][name] for name in _COLOURS] == [transfer, "bt2020", "bt2020nc", "tv", "yuv420p10le"]
    raw = bench.run("-i", str(bench.work / "whole.mp4"), "-frames:v", "1", "-f", "rawvideo", "-")
    # Not washed out and not clipped: near white, with room for highlights above.
    assert 200 <= np.frombuffer(raw[: 160 * 90], np.uint8).mean() <= 225


def test_the_tone_runs_through_every_join(bench: Bench) -> None:
    source = bench.open(bench.make(Made(sounds=(2.2, 3.1))))
    rungs, grid = _rungs(source.facts), _grid(source.facts)
    files = bench.encoded(source, plan_chunks(len(source.shown), grid, rungs), rungs, grid)
    audio = bench.sounded(source)
    for rung, chunks in zip(rungs, files, strict=True):
        out, result = bench.assembled(source, rung, grid, chunks, audio)
        assert result.audio_samples == (105_600, 148_800)
        for place, alone in enumerate(audio):
            decoded = _pcm(bench, out, place)
            assert np.array_equal(decoded, _pcm(bench, alone, 0))
            one_pass = bench.work / "one-pass.mp4"
            bench.run("-i", str(source.original), "-map", f"0:a:{place}", "-c:a", "aac", str(one_pass))
            assert len(decoded) == len(_pcm(bench, one_pass, 0)) == result.audio_samples[place]
            # Half a period of 997 Hz is 0.5 ms: the tone is never below a tenth of its height for a whole ms.
            loud = np.abs(decoded[480:-2400]) > 0.1 * np.abs(decoded).max()
            quiet = np.diff(np.flatnonzero(loud)).max() - 1
            assert quiet < 48


def test_a_real_cameras_data_comes_through_untouched(bench: Bench, samples: Path) -> None:
    for name in ("karma.mp4", "max-heromode.mp4"):
        source = bench.open(samples / name)
        _, half = _rungs(source.facts)
        grid = Grid(gop=60, segment=120, fps=source.facts.video.fps)
        files = bench.encoded(source, plan_chunks(len(source.shown), grid, (half,)), (half,), grid)[0]
        out, result = bench.assembled(source, half, grid, files, [])
        telemetry = source.facts.telemetry
        assert telemetry is not None
        assert result.telemetry_sha256 == telemetry.sha256
        with FileRanges(out) as after, FileRanges(source.path) as before:
            made = read_movie(after)
            assert made.udta == source.movie.udta
            assert made.creation_time == source.movie.creation_time
            for kind in ("telemetry", "timecode", "other"):
                for old, new in zip(
                    source.movie.tracks_of_kind(kind), made.tracks_of_kind(kind), strict=True
                ):
                    assert list(iter_samples(after, new)) == list(iter_samples(before, old))
                    assert (new.stsd, new.name, new.timescale) == (old.stsd, old.name, old.timescale)
                    assert np.array_equal(new.samples.pts, old.samples.pts)
            timecode = made.first_track("timecode")
            assert timecode is not None
            assert made.tracks[0].references["tmcd"] == (timecode.number,)


def _pcm(bench: Bench, path: Path, place: int) -> npt.NDArray[np.int16]:
    return np.frombuffer(bench.run("-i", str(path), "-map", f"0:a:{place}", "-f", "s16le", "-"), np.int16)
