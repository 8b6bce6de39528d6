"""CEA-608 captions, in a separate track and in the SEI of H.264 and HEVC."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from eddyline.core.processes.runner import Runner
from eddyline.media.source.open_source import main_video
from eddyline.media.subtitles.source_tracks import cues_of_track
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.bitstream.rbsp import add_emulation_prevention
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import iter_samples
from eddyline.mp4.write.memory_samples import MemorySamples
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece, passthrough
from eddyline.pipeline.runtime.probe_source import probe_source
from eddyline.store.ranges import FileRanges

RATE = 25


def pair(*values: int) -> bytes:
    """Returns the values as bytes with odd parity."""
    return bytes(each | (0x80 if each.bit_count() % 2 == 0 else 0) for each in values)


# Pop-on: resume loading, row 15, "HI", "YO"; shown at frame 30, erased at frame 60. Codes are sent twice.
EVENTS = {
    1: pair(0x14, 0x20),
    2: pair(0x14, 0x20),
    3: pair(0x14, 0x70),
    4: pair(0x14, 0x70),
    5: pair(*b"HI"),
    6: pair(*b"YO"),
    30: pair(0x14, 0x2F),
    31: pair(0x14, 0x2F),
    60: pair(0x14, 0x2C),
    61: pair(0x14, 0x2C),
}


def sei(codec: str, data: bytes) -> bytes:
    """Returns a NAL unit with cc_data(): the pair in field 1, and one of field 2 that must be ignored."""
    rows = b"\xfc" + data + b"\xfd" + pair(0x15, 0x2C)
    payload = b"\xb5\x00\x31GA94\x03" + bytes([0xC0 | 2, 0xFF]) + rows + b"\xff"
    header = b"\x06" if codec == "h264" else b"\x4e\x01"
    return header + add_emulation_prevention(bytes([4, len(payload)]) + payload + b"\x80")


def captioned(tmp_path: Path, ffmpeg: str, codec: str) -> Path:
    """Writes a video with B-frames and a caption pair in each frame."""
    plain, out = tmp_path / "plain.mp4", tmp_path / "captioned.mp4"
    encoder = {"h264": ("libx264", "-bf", "2"), "hevc": ("libx265", "-x265-params", "log-level=none")}[codec]
    video = ("-f", "lavfi", "-i", f"testsrc2=s=320x180:r={RATE}:d=4", "-c:v", *encoder)
    subprocess.run([ffmpeg, "-v", "error", "-y", *video, "-pix_fmt", "yuv420p", plain], check=True)
    with FileRanges(plain) as src:
        movie = read_movie(src)
        track = main_video(movie)
        shown = build_presentation(movie, track)
        frame = {sample: number for number, sample in enumerate(shown.sample.tolist())}
        samples = []
        for number, data in enumerate(iter_samples(src, track)):
            unit = sei(codec, EVENTS.get(frame[number], b"\x80\x80"))
            samples.append(struct.pack(">I", len(unit)) + unit + data)
        size = np.array([len(each) for each in samples], np.int64)
        piece = Piece(source=MemorySamples(b"".join(samples)), offset=np.cumsum(size) - size, size=size)
        copy = passthrough(movie, track, src)
        output_track = OutputTrack(**{**vars(copy), "pieces": (piece,)})
        write_mp4(out, [output_track], timescale=movie.timescale)
    return out


def reference(ffmpeg: str, path: Path) -> list[str]:
    """Returns the times of the captions that FFmpeg extracts while it decodes the video."""
    graph = f"movie={path.name}[out+subcc]"
    argv = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", graph, "-map", "0:s", "-f", "srt", "-"]
    output = subprocess.run(argv, check=True, capture_output=True, text=True, cwd=path.parent).stdout
    return [line for line in output.splitlines() if "-->" in line]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_captions_in_the_video_are_those_that_ffmpeg_decodes(
    codec: str, tmp_path: Path, tools: Toolchain
) -> None:
    clip = captioned(tmp_path, str(tools.ffmpeg), codec)
    (facts,) = probe_source(clip, tools).subtitles
    assert (facts.codec, facts.title) == ("eia_608", "Closed captions")
    with FileRanges(clip) as src:
        movie = read_movie(src)
        (cue,) = cues_of_track(src, movie, main_video(movie), work=tmp_path, tools=tools, runner=Runner())
    assert (cue.start, cue.end, cue.text) == (1200, 2400, "HIYO")
    assert reference(str(tools.ffmpeg), clip) == ["00:00:01,200 --> 00:00:02,400"]


def test_a_caption_track_is_read(tmp_path: Path, tools: Toolchain) -> None:
    samples = [make_box("cdat", EVENTS.get(number, b"\x80\x80")) for number in range(90)]
    size = np.full(90, 10, np.int64)
    captions = OutputTrack(
        handler="clcp",
        name="",
        timescale=RATE,
        stsd=make_full_box(
            "stsd", 0, 0, struct.pack(">I", 1), make_box("c608", bytes(6), struct.pack(">H", 1))
        ),
        media_header=make_full_box("nmhd", 0, 0),
        pieces=(Piece(source=MemorySamples(b"".join(samples)), offset=np.cumsum(size) - size, size=size),),
        duration=np.ones(90, np.int64),
    )
    write_mp4(tmp_path / "c.mov", [captions], timescale=RATE, brand="qt  ", compatible=("qt  ",))
    with FileRanges(tmp_path / "c.mov") as src:
        movie = read_movie(src)
        (cue,) = cues_of_track(src, movie, movie.tracks[0], work=tmp_path, tools=tools, runner=Runner())
    assert (cue.start, cue.end, cue.text) == (1200, 2400, "HIYO")


def test_a_video_without_captions_has_no_caption_track(tmp_path: Path, tools: Toolchain) -> None:
    video = ("-f", "lavfi", "-i", "testsrc2=s=64x36:r=25:d=1", "-c:v", "libx264")
    subprocess.run([str(tools.ffmpeg), "-v", "error", *video, str(tmp_path / "a.mp4")], check=True)
    assert probe_source(tmp_path / "a.mp4", tools).subtitles == ()
