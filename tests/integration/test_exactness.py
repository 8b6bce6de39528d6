"""Chunked encoding is frame-exact for every kind of source with which it once failed."""

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
from eddyline.core.processes.runner import Runner
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

# Two seconds of 160x90 are enough to detect each of these errors. Sources have GOPs of 10 frames and the grid
# has GOPs of 4, so that few chunks start at a keyframe of the source.
_X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "10", "-pix_fmt", "yuv420p"]
_X265 = ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"]
_OPEN_H264 = [*_X264, "-preset", "veryfast", "-x264-params", "open-gop=1:keyint=10:min-keyint=5:bframes=3"]
_OPEN_HEVC = [*_X265, "-x265-params", "open-gop=1:keyint=10:min-keyint=5:bframes=3:log-level=error"]
_DEEP_HEVC = [*_X265, "-pix_fmt", "yuv420p10le", "-x265-params", "keyint=10:log-level=error"]

_COLOURS = ("color_transfer", "color_primaries", "color_space", "color_range", "pix_fmt")


@dataclass(frozen=True)
class Recipe:
    """How a source is created: its frames, its codec and its container."""

    rate: str = "30000/1001"
    size: str = "160x90"
    seconds: float = 2.2
    codec: tuple[str, ...] = tuple(_X264)
    suffix: str = "mp4"
    audio_s: tuple[float, ...] = ()  # the duration of each audio track
    copy_options: tuple[str, ...] = ()  # input options of a second pass that copies
    filters: str = "null"
    check: Callable[[VideoFacts], bool] = lambda facts: not facts.variable_rate  # of the created source


_SOURCES = {
    "23.976 frames/s": Recipe(rate="24000/1001"),
    "25 frames/s": Recipe(rate="25"),
    "29.97 frames/s": Recipe(),
    "50 frames/s": Recipe(rate="50", seconds=1.4),
    "59.94 frames/s": Recipe(rate="60000/1001", seconds=1.4),
    "120 frames/s": Recipe(rate="120", seconds=0.7),
    "a variable rate": Recipe(
        filters="select='gt(mod(n\\,5)\\,1)+eq(mod(n\\,7)\\,0)'", seconds=3, check=lambda v: v.variable_rate
    ),
    "an edit list": Recipe(copy_options=("-ss", "0.55")),
    "open GOPs of H.264": Recipe(codec=tuple(_OPEN_H264)),
    "open GOPs of HEVC": Recipe(codec=tuple(_OPEN_HEVC)),
    "open GOPs under an edit list": Recipe(codec=tuple(_OPEN_HEVC), copy_options=("-ss", "0.55")),
    "HEVC of 10 bits": Recipe(codec=tuple(_DEEP_HEVC), check=lambda v: v.bit_depth == 10),
    "MPEG-TS": Recipe(suffix="ts", audio_s=(2.2,)),
    "MPEG-TS with open GOPs": Recipe(suffix="ts", codec=tuple(_OPEN_H264)),
    "Matroska": Recipe(suffix="mkv", audio_s=(2.2,)),
    "QuickTime": Recipe(suffix="mov", codec=("-c:v", "prores_ks", "-profile:v", "0")),
    "rotation by 90": Recipe(copy_options=("-display_rotation:v:0", "-90"), check=lambda v: v.rotation == 90),
    "rotation by 180": Recipe(
        copy_options=("-display_rotation:v:0", "-180"), check=lambda v: v.rotation == 180
    ),
    "rotation by 270": Recipe(
        copy_options=("-display_rotation:v:0", "-270"), check=lambda v: v.rotation == 270
    ),
    "portrait": Recipe(size="90x160"),
    "odd dimensions": Recipe(
        filters="scale=161:91",
        codec=("-c:v", "mpeg4", "-q:v", "3", "-g", "10", "-bf", "2"),
        check=lambda v: (v.width, v.height) == (161, 91),
    ),
    "full range": Recipe(
        codec=(*_X264, "-pix_fmt", "yuvj420p"),
        filters="scale=out_range=full",
        check=lambda v: v.full_range,
    ),
    "wide pixels": Recipe(filters="setsar=4/3", check=lambda v: v.pixel_aspect == Fraction(4, 3)),
    "one frame": Recipe(seconds=0.02, check=lambda v: v.frames == 1),
    "three seconds": Recipe(seconds=3),
    "two audio tracks": Recipe(audio_s=(2.2, 2.2)),
    "audio longer than video": Recipe(audio_s=(3.5,)),
}


@dataclass(frozen=True)
class Source:
    original: Path
    path: Path
    movie: Movie
    track: Track
    presentation: Presentation
    facts: SourceFacts


@dataclass
class SourceSteps:
    """The steps of processing a source, in one directory."""

    ffmpeg: str
    ffprobe: str
    tools: Toolchain
    work: Path

    def create(self, recipe: Recipe) -> Path:
        out = self.work / f"source.{recipe.suffix}"
        first = self.work / "first.mp4" if recipe.copy_options else out
        inputs = ["-f", "lavfi", "-i", f"testsrc2=s={recipe.size}:r={recipe.rate}:d={recipe.seconds}"]
        maps = ["-map", "0:v"]
        for index, seconds in enumerate(recipe.audio_s, 1):
            inputs += ["-f", "lavfi", "-i", f"sine=frequency=997:sample_rate=48000:duration={seconds}"]
            maps += ["-map", f"{index}:a"]
        self.run(*inputs, *maps, "-vf", recipe.filters, "-fps_mode", "passthrough", *recipe.codec, str(first))
        if recipe.copy_options:
            self.run(*recipe.copy_options, "-i", str(first), "-c", "copy", str(out))
        return out

    def run(self, *args: str) -> bytes:
        argv = [self.ffmpeg, "-hide_banner", "-nostdin", "-v", "error", "-y", *args]
        return subprocess.run(argv, check=True, capture_output=True).stdout

    def open(self, original: Path) -> Source:
        opened = open_source(original, work=self.work, runner=Runner(), tools=self.tools)
        track = main_video(opened.movie)
        with FileRanges(opened.path) as src:
            facts = probe(src, opened.movie, runner=Runner(), tools=self.tools, work=self.work)
        presentation = build_presentation(opened.movie, track)
        return Source(original, opened.path, opened.movie, track, presentation, facts)

    def slice(self, source: Source, chunk: Chunk) -> Slice:
        with FileRanges(source.path) as src:
            out = self.work / f"slice-{chunk.index}.mp4"
            return write_slice(src, source.movie, source.track, chunk.start, chunk.stop, out)

    def decode_chunk(self, source: Source, chunk: Slice, rungs: tuple[Rung, ...], grid: Grid) -> list[str]:
        """The hash of every frame that the encoder of the largest rung receives."""
        argv = encode.decode_arguments(chunk, source.facts.video, rungs, grid, self.tools)
        others = [part for n in range(1, len(rungs)) for part in ("-map", f"[v{n}]", "-f", "null", "-")]
        out = ["-map", "[v0]", *_compared_planes(source), "-fps_mode", "passthrough", "-f", "framemd5", "-"]
        out += others
        return _hashes(subprocess.run([*argv, *out], check=True, capture_output=True).stdout)

    def decode_reference(self, source: Source, rung: Rung) -> list[str]:
        """The hash of every frame of the whole original, decoded and rotated by FFmpeg alone."""
        size = f"{rung.width}:{rung.height}"
        scale = f"scale={size}:flags=bicubic+accurate_rnd:in_chroma_loc=left:out_chroma_loc=left"
        if source.facts.video.full_range:
            same = ":".join(f"{name}=bt709" for name in ("tin", "t", "pin", "p", "min", "m"))
            scale = f"zscale={size}:filter=bicubic:{same}:rin=full:r=limited:c=left:dither=ordered"
        flags = [
            "-vf",
            f"{scale},format={rung.pixel_format}",
            *_compared_planes(source),
            "-fps_mode",
            "passthrough",
            "-f",
            "framemd5",
            "-",
        ]
        return _hashes(self.run("-i", str(source.original), "-map", "0:v:0", *flags))

    def encode_chunks(
        self, source: Source, chunks: tuple[Chunk, ...], rungs: tuple[Rung, ...], grid: Grid
    ) -> list[list[Path]]:
        """Encodes the chunks; returns their files by rung."""
        encoded = [
            encode.encode_chunk(
                self.slice(source, chunk),
                source.facts.video,
                rungs,
                grid,
                tools=self.tools,
                runner=Runner(),
                out_dir=self.work / f"chunk-{chunk.index}",
                is_first=chunk.start == 0,
            )
            for chunk in chunks
        ]
        return [[chunk[index].path for chunk in encoded] for index in range(len(rungs))]

    def encode_audio(self, source: Source) -> list[Path]:
        """Encodes every audio track as a whole."""
        encoded = []
        for index, (facts, track) in enumerate(
            zip(source.facts.audio, source.movie.tracks_of_kind("audio"), strict=True)
        ):
            copied, out = self.work / f"audio-{index}.mp4", self.work / f"audio-{index}.m4a"
            with FileRanges(source.path) as src:
                copy_tracks(src, source.movie, [track], copied)
            encode_track(copied, facts, AudioSettings(), tools=self.tools, runner=Runner(), out=out)
            encoded.append(out)
        return encoded

    def assemble(
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
                presentation=source.presentation,
                chunks=chunks,
                src=src,
                audio=audio,
                facts=source.facts,
            )
        return out, result

    def colour_tags(self, path: Path) -> dict[str, str]:
        """The colour tags of the video, as ffprobe reports them."""
        entries = "stream=" + ",".join(_COLOURS)
        argv = [self.ffprobe, "-v", "error", "-select_streams", "v:0", "-show_entries", entries]
        output = subprocess.run([*argv, "-of", "json", str(path)], check=True, capture_output=True).stdout
        tags: dict[str, str] = json.loads(output)["streams"][0]
        return tags

    def frames(self, path: Path) -> list[dict[str, Any]]:
        """The decoded frames, as ffprobe reports them: time in ticks, type and size."""
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
def steps(ffmpeg: str, ffprobe: str, tools: Toolchain, tmp_path: Path) -> SourceSteps:
    return SourceSteps(ffmpeg, ffprobe, tools, tmp_path)


def _hashes(framemd5: bytes) -> list[str]:
    lines = framemd5.decode().splitlines()
    return [line.rsplit(",", 1)[1].strip() for line in lines if not line.startswith("#")]


def _compared_planes(source: Source) -> tuple[str, ...]:
    """Luma alone for rotated video: FFmpeg rotates chroma samples to another side of their pixels."""
    return ("-pix_fmt", "gray") if source.facts.video.rotation else ()


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
def test_chunks_are_frame_exact(name: str, steps: SourceSteps) -> None:
    source = steps.open(steps.create(_SOURCES[name]))
    assert _SOURCES[name].check(source.facts.video)
    rungs, grid = _rungs(source.facts), _grid(source.facts)
    chunks = plan_chunks(len(source.presentation), grid, rungs)
    assert len(chunks) >= (1 if name == "one frame" else 4)

    hashes = [
        frame_hash
        for chunk in chunks
        for frame_hash in steps.decode_chunk(source, steps.slice(source, chunk), rungs, grid)
    ]
    assert hashes == steps.decode_reference(source, rungs[0])

    by_rung = steps.encode_chunks(source, chunks, rungs, grid)
    for rung, files in zip(rungs, by_rung, strict=True):
        out, result = steps.assemble(source, rung, grid, files, [])
        frames = steps.frames(out)
        times = [int(frame["best_effort_timestamp"]) for frame in frames]
        assert times == source.presentation.pts.tolist()
        keys = [number for number, frame in enumerate(frames) if frame["key_frame"]]
        assert tuple(keys) == result.idr == tuple(range(0, len(source.presentation), grid.gop))
        assert {(frame["width"], frame["height"]) for frame in frames} == {(rung.width, rung.height)}


def test_keyframes_of_all_codecs_are_at_the_same_frames(steps: SourceSteps) -> None:
    source = steps.open(steps.create(Recipe(size="192x108")))
    h264, _ = _rungs(source.facts)
    rungs = (
        h264,
        replace(h264, name="hevc", codec="hevc", encoder="libx265", pixel_format="yuv420p10le"),
        replace(h264, name="av1", codec="av1", encoder="libsvtav1", preset="12", crf=35),
    )
    grid = _grid(source.facts)
    chunks = plan_chunks(len(source.presentation), grid, rungs)
    for rung, files in zip(rungs, steps.encode_chunks(source, chunks, rungs, grid), strict=True):
        out, result = steps.assemble(source, rung, grid, files, [])
        assert result.idr == tuple(range(0, len(source.presentation), grid.gop))
        decoded = _hashes(steps.run("-i", str(out), "-fps_mode", "passthrough", "-f", "framemd5", "-"))
        assert len(decoded) == len(source.presentation)


def test_interlaced_sources_keep_their_frames(steps: SourceSteps) -> None:
    codec = (*_X264, "-x264-params", "interlaced=1:tff=1")
    source = steps.open(steps.create(Recipe(codec=codec, filters="setfield=tff", rate="25", size="160x96")))
    assert source.facts.video.interlaced
    rungs, grid = _rungs(source.facts), _grid(source.facts)
    chunks = plan_chunks(len(source.presentation), grid, rungs)
    files = steps.encode_chunks(source, chunks, rungs, grid)
    assert steps.assemble(source, rungs[0], grid, files[0], [])[1].frames == len(source.presentation) == 55


def test_a_slice_is_encoded_to_the_same_bytes_every_time(steps: SourceSteps) -> None:
    source = steps.open(steps.create(Recipe()))
    grid, (h264, _) = _grid(source.facts), _rungs(source.facts)
    rungs = (
        h264,
        replace(h264, name="hevc", codec="hevc", encoder="libx265"),
        replace(h264, name="av1", codec="av1", encoder="libsvtav1", preset="12", crf=35),
    )
    chunk = plan_chunks(len(source.presentation), grid, rungs)[1]
    frame_counts: list[int] = []
    contents = []
    for attempt in ("once", "again"):
        encoded = encode.encode_chunk(
            steps.slice(source, chunk),
            source.facts.video,
            rungs,
            grid,
            tools=steps.tools,
            runner=Runner(),
            out_dir=steps.work / attempt,
            on_frames=frame_counts.append,
        )
        contents.append([each.path.read_bytes() for each in encoded])
    assert contents[0] == contents[1]
    assert frame_counts[-1] == chunk.frames


def test_missing_decoded_frames_are_an_error_of_the_source(steps: SourceSteps) -> None:
    source = steps.open(steps.create(Recipe(codec=("-c:v", "mjpeg"), suffix="mov")))
    rungs, grid = _rungs(source.facts), _grid(source.facts)
    samples = source.track.samples
    with source.path.open("r+b") as file:
        file.seek(int(samples.offset[20]))
        file.write(bytes(int(samples.size[20])))
    with pytest.raises(InputError, match="does not output 1 of the 8 frames in the index: frames 4 of"):
        steps.encode_chunks(source, (Chunk(index=0, start=16, stop=24),), rungs, grid)


def test_a_chunk_without_a_readable_frame_is_an_error_of_the_source(steps: SourceSteps) -> None:
    source = steps.open(steps.create(Recipe(codec=("-c:v", "mjpeg"), suffix="mov")))
    rungs, grid = _rungs(source.facts), _grid(source.facts)
    samples = source.track.samples
    with source.path.open("r+b") as file:
        for number in range(16, 24):
            file.seek(int(samples.offset[number]))
            file.write(bytes(int(samples.size[number])))
    with pytest.raises(InputError, match=r"this chunk"):
        steps.encode_chunks(source, (Chunk(index=0, start=16, stop=24),), rungs, grid)


def test_a_full_disk_is_not_an_error_of_the_source(steps: SourceSteps) -> None:
    source = steps.open(steps.create(Recipe()))
    rungs, grid = _rungs(source.facts), _grid(source.facts)
    out = steps.work / "full"
    out.mkdir()
    for rung in rungs:
        (out / f"{rung.name}.mp4").symlink_to("/dev/full")
    with pytest.raises(EddylineError) as caught:
        encode.encode_chunk(
            steps.slice(source, Chunk(index=0, start=0, stop=8)),
            source.facts.video,
            rungs,
            grid,
            tools=steps.tools,
            runner=Runner(),
            out_dir=out,
        )
    assert caught.value.retry


@pytest.mark.parametrize("preset", ["superfast", "veryfast"])
def test_joined_chunks_never_underflow_the_buffer_of_a_player(preset: str, steps: SourceSteps) -> None:
    noise = "noise=alls=20:allf=t"
    source = steps.open(
        steps.create(Recipe(filters=noise, seconds=10, rate="25", codec=(*_X264, "-crf", "18")))
    )
    grid = Grid(gop=24, segment=48, fps=Fraction(25))
    rung = replace(_rungs(source.facts)[0], preset=preset, maxrate_kbps=300, bufsize_kbps=600, level=None)
    chunks = plan_chunks(len(source.presentation), grid, (rung,))
    files = steps.encode_chunks(source, chunks, (rung,), grid)[0]
    out, _ = steps.assemble(source, rung, grid, files, [])
    with FileRanges(out) as src:
        sizes = read_movie(src).tracks[0].samples.size
    capacity, each_frame = 600_000, 300_000 / 25
    level = lowest = capacity * 0.9  # as x264 assumes for one encoder of the whole source
    for size in sizes.tolist():
        level -= size * 8
        lowest = min(lowest, level)
        level = min(level + each_frame, capacity)
    assert lowest >= 0
    # The rate is near its cap, which the buffer enforces.
    assert int(sizes.sum()) * 8 / 10 > 0.75 * 300_000


def test_full_range_becomes_limited_and_other_colour_tags_are_kept(steps: SourceSteps) -> None:
    tags = "color_primaries=smpte170m:color_trc=smpte170m:colorspace=smpte170m:range=full"
    filters = f"format=yuvj420p,geq=lum=255:cb=128:cr=128,setparams={tags}"
    source = steps.open(
        steps.create(Recipe(filters=filters, codec=(*_X264, "-pix_fmt", "yuvj420p"), seconds=0.5))
    )
    rung, grid = _rungs(source.facts)[0], _grid(source.facts)
    files = steps.encode_chunks(source, plan_chunks(len(source.presentation), grid, (rung,)), (rung,), grid)[
        0
    ]
    out, _ = steps.assemble(source, rung, grid, files, [])
    color_tags = steps.colour_tags(out)
    assert [color_tags[name] for name in _COLOURS] == ["smpte170m", "smpte170m", "smpte170m", "tv", "yuv420p"]
    raw = steps.run("-i", str(out), "-frames:v", "1", "-f", "rawvideo", "-")
    assert np.frombuffer(raw[: 160 * 90], np.uint8).mean() == pytest.approx(235, abs=1)


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084"])
def test_hdr_is_tone_mapped_or_kept_with_its_tags(transfer: str, steps: SourceSteps) -> None:
    # Reference white, 203 cd/m2 (ITU-R BT.2408): 75 % of HLG, 58 % of PQ.
    white = {"arib-std-b67": 721, "smpte2084": 572}[transfer]
    tags = f"color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=limited"
    filters = f"format=yuv420p10le,geq=lum={white}:cb=512:cr=512,setparams={tags}"
    source = steps.open(steps.create(Recipe(filters=filters, codec=tuple(_DEEP_HEVC), seconds=0.5)))
    assert source.facts.video.hdr
    sdr, _ = _rungs(source.facts)
    deep = "yuv420p10le"
    kept = replace(sdr, name="kept", codec="hevc", encoder="libx265", pixel_format=deep, keep_hdr=True)
    grid = _grid(source.facts)
    files = steps.encode_chunks(
        source, plan_chunks(len(source.presentation), grid, (sdr, kept)), (sdr, kept), grid
    )
    tags_by_rung = []
    for rung, chunks in zip((sdr, kept), files, strict=True):
        out, _ = steps.assemble(source, rung, grid, chunks, [])
        tags_by_rung.append(steps.colour_tags(out))
    assert [tags_by_rung[0][name] for name in _COLOURS] == ["bt709", "bt709", "bt709", "tv", "yuv420p"]
    assert [tags_by_rung[1][name] for name in _COLOURS] == [
        transfer,
        "bt2020",
        "bt2020nc",
        "tv",
        "yuv420p10le",
    ]
    raw = steps.run("-i", str(steps.work / "whole.mp4"), "-frames:v", "1", "-f", "rawvideo", "-")
    # Not washed out and not clipped: near white, with room for highlights above.
    assert 200 <= np.frombuffer(raw[: 160 * 90], np.uint8).mean() <= 225


def test_audio_is_continuous_at_every_join_of_chunks(steps: SourceSteps) -> None:
    source = steps.open(steps.create(Recipe(audio_s=(2.2, 3.1))))
    rungs, grid = _rungs(source.facts), _grid(source.facts)
    files = steps.encode_chunks(source, plan_chunks(len(source.presentation), grid, rungs), rungs, grid)
    audio = steps.encode_audio(source)
    for rung, chunks in zip(rungs, files, strict=True):
        out, result = steps.assemble(source, rung, grid, chunks, audio)
        assert result.audio_samples == (105_600, 148_800)
        for index, track in enumerate(audio):
            decoded = _pcm(steps, out, index)
            assert np.array_equal(decoded, _pcm(steps, track, 0))
            one_pass = steps.work / "one-pass.mp4"
            steps.run("-i", str(source.original), "-map", f"0:a:{index}", "-c:a", "aac", str(one_pass))
            assert len(decoded) == len(_pcm(steps, one_pass, 0)) == result.audio_samples[index]
            # Half a period of 997 Hz is 0.5 ms: the tone is never below a tenth of its peak for a whole ms.
            loud = np.abs(decoded[480:-2400]) > 0.1 * np.abs(decoded).max()
            quiet = np.diff(np.flatnonzero(loud)).max() - 1
            assert quiet < 48


def test_telemetry_and_metadata_of_a_camera_are_copied_unchanged(steps: SourceSteps, samples: Path) -> None:
    for name in ("karma.mp4", "max-heromode.mp4"):
        source = steps.open(samples / name)
        _, half = _rungs(source.facts)
        grid = Grid(gop=60, segment=120, fps=source.facts.video.fps)
        files = steps.encode_chunks(
            source, plan_chunks(len(source.presentation), grid, (half,)), (half,), grid
        )[0]
        out, result = steps.assemble(source, half, grid, files, [])
        telemetry = source.facts.telemetry
        assert telemetry is not None
        assert result.telemetry_sha256 == telemetry.sha256
        with FileRanges(out) as after, FileRanges(source.path) as before:
            assembled = read_movie(after)
            assert assembled.udta == source.movie.udta
            assert assembled.creation_time == source.movie.creation_time
            for kind in ("telemetry", "timecode", "other"):
                for old, new in zip(
                    source.movie.tracks_of_kind(kind), assembled.tracks_of_kind(kind), strict=True
                ):
                    assert list(iter_samples(after, new)) == list(iter_samples(before, old))
                    assert (new.stsd, new.name, new.timescale) == (old.stsd, old.name, old.timescale)
                    assert np.array_equal(new.samples.pts, old.samples.pts)
            timecode = assembled.first_track("timecode")
            assert timecode is not None
            assert assembled.tracks[0].references["tmcd"] == (timecode.number,)


def _pcm(steps: SourceSteps, path: Path, index: int) -> npt.NDArray[np.int16]:
    return np.frombuffer(steps.run("-i", str(path), "-map", f"0:a:{index}", "-f", "s16le", "-"), np.int16)
