from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eddyline.core.errors import InputError
from eddyline.core.processes.runner import Runner
from eddyline.media.ladder.profile import StoryboardSettings
from eddyline.media.pictures.image_filters import image_filters, image_size
from eddyline.media.pictures.keyframes import ImageSource, Keyframes, nearest_keyframes
from eddyline.media.pictures.poster import poster_score, write_poster
from eddyline.media.pictures.storyboard import Cue, SpriteSheet, cue_starts, format_webvtt, write_storyboard
from eddyline.media.pictures.thumbnails import write_preceding_keyframes, write_thumbnails
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import build_presentation
from eddyline.store.ranges import FileRanges

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p")
RAMP = "color=black:s=128x72:r=10:d=6,geq=lum='40+20*floor(N/10)':cb=128:cr=128"


def make(ffmpeg: str, out: Path, lavfi: str, *options: str) -> Path:
    argv = [ffmpeg, "-y", "-v", "error", "-f", "lavfi", "-i", lavfi, *(options or H264), f"{out}"]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return out


def facts_of(track: Track, **more: Any) -> VideoFacts:
    values: dict[str, Any] = {
        "codec": "h264",
        "width": track.width,
        "height": track.height,
        "rotation": track.rotation,
        "pixel_aspect": track.pixel_aspect,
        "fps": Fraction(10),
        "frames": len(track.samples),
        "pixel_format": "yuv420p",
        "timescale": track.timescale,
    }
    return VideoFacts(**{**values, **more})


class OpenSource:
    """An open source with the arguments of the image functions."""

    def __init__(self, path: Path, tools: Toolchain, **more: Any) -> None:
        self.src = FileRanges(path)
        self.movie: Movie = read_movie(self.src)
        track = self.movie.first_track("video")
        assert track is not None
        self.track = track
        self.facts = facts_of(track, **more)
        self.out = path.parent / "out"
        self.work = path.parent / "work"
        self.out.mkdir()
        self.work.mkdir()
        self.tools = tools

    def video(self) -> ImageSource:
        return ImageSource(
            src=self.src,
            track=self.track,
            facts=self.facts,
            shown=build_presentation(self.movie, self.track),
            tools=self.tools,
            runner=Runner(),
            work=self.work,
        )


def grey(ffmpeg: str, path: Path) -> npt.NDArray[np.uint8]:
    dimensions = subprocess.run(
        [ffmpeg, "-i", f"{path}"], capture_output=True, check=False, timeout=20
    ).stderr
    found = re.search(rb" (\d+)x(\d+)", dimensions)
    assert found is not None
    argv = [ffmpeg, "-v", "error", "-i", f"{path}", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    raw = subprocess.run(argv, capture_output=True, check=True, timeout=20).stdout
    return np.frombuffer(raw, np.uint8).reshape(int(found[2]), int(found[1]))


def test_the_poster_is_neither_black_nor_blurred_nor_blown_out(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    # One second each: black, blurred, white, sharp, flat grey, dark noise.
    parts = (
        "color=black:s=160x90:r=10:d=1[a];testsrc2=s=160x90:r=10:d=1,gblur=12[b];"
        "color=white:s=160x90:r=10:d=1[c];testsrc2=s=160x90:r=10:d=1[d];"
        "color=gray:s=160x90:r=10:d=1[e];color=0x080808:s=160x90:r=10:d=1,noise=alls=6[f];"
        "[a][b][c][d][e][f]concat=n=6"
    )
    opened = OpenSource(make(ffmpeg, tmp_path / "a.mp4", parts), tools)
    poster = write_poster(opened.video(), out=opened.out / "poster.jpg")
    assert poster.time_s == 3.0
    assert (poster.width, poster.height) == (160, 90)
    assert poster.bytes == poster.path.stat().st_size
    assert [path.name for path in opened.out.iterdir()] == ["poster.jpg"]


def test_a_sharp_image_scores_above_its_blurred_dark_and_blown_out_versions() -> None:
    generator = np.random.default_rng(1)
    blocks = np.kron(generator.integers(40, 220, (9, 16)), np.ones((6, 6))).astype(np.uint8)
    kernel = np.ones(15) / 15
    blurred = np.apply_along_axis(lambda row: np.convolve(row, kernel, "same"), 1, blocks.astype(float))
    degraded = (blurred, blocks // 8, np.minimum(blocks.astype(int) * 4, 255), np.full_like(blocks, 128))
    for image in degraded:
        assert poster_score(blocks) > poster_score(image.astype(np.uint8))


def test_thumbnails_are_keyframes_from_evenly_spread_times(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    opened = OpenSource(make(ffmpeg, tmp_path / "a.mp4", RAMP), tools)
    thumbnails = write_thumbnails(opened.video(), out_dir=opened.out, count=3, width=64)
    assert [each.path.name for each in thumbnails] == ["thumb-001.jpg", "thumb-002.jpg", "thumb-003.jpg"]
    assert [each.time_s for each in thumbnails] == [1.0, 3.0, 5.0]
    assert [(each.width, each.height) for each in thumbnails] == [(64, 36)] * 3
    # Limited range is expanded to JPEG's full range: luma 16..235 becomes 0..255.
    for each in thumbnails:
        luma = 40 + 20 * each.time_s
        assert float(grey(ffmpeg, each.path).mean()) == pytest.approx((luma - 16) * 255 / 219, abs=2)


def test_fewer_keyframes_than_thumbnails_are_used_once_each(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    opened = OpenSource(make(ffmpeg, tmp_path / "a.mp4", RAMP, *H264, "-t", "0.1"), tools)
    assert len(opened.track.samples) == 1
    thumbnails = write_thumbnails(opened.video(), out_dir=opened.out, count=6)
    assert [each.time_s for each in thumbnails] == [0.0]
    assert write_thumbnails(opened.video(), out_dir=opened.out, count=0) == ()
    storyboard = write_storyboard(opened.video(), StoryboardSettings(), out_dir=opened.out)
    assert (storyboard.cues, storyboard.tiles) == (1, 1)
    assert "00:00:00.000 --> 00:00:00.100" in storyboard.vtt.read_text()
    assert write_poster(opened.video(), out=opened.out / "poster.jpg").time_s == 0.0


def test_every_cue_of_the_storyboard_references_the_tile_of_its_time(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    opened = OpenSource(make(ffmpeg, tmp_path / "a.mp4", RAMP), tools)
    settings = StoryboardSettings(width=32, columns=2, rows=2, interval_s=1.0)
    storyboard = write_storyboard(opened.video(), settings, out_dir=opened.out)
    assert [path.name for path in storyboard.sheets] == ["storyboard-00.jpg", "storyboard-01.jpg"]
    assert (storyboard.tiles, storyboard.cues) == (6, 6)
    assert sorted(path.name for path in opened.out.iterdir()) == [
        "storyboard-00.jpg",
        "storyboard-01.jpg",
        "storyboard.vtt",
    ]
    text = storyboard.vtt.read_text()
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nstoryboard-00.jpg#xywh=0,0,32,18\n")
    cues = re.findall(r"(\S+) --> (\S+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)", text)
    assert [cue[1] for cue in cues[:-1]] == [cue[0] for cue in cues[1:]]
    assert cues[-1][1] == "00:00:06.000"
    for number, (_, _, name, *box) in enumerate(cues):
        x, y, width, height = map(int, box)
        tile = grey(ffmpeg, opened.out / name)[y + 2 : y + height - 2, x + 2 : x + width - 2]
        # The keyframe nearest to the middle of the second is at its start or its end.
        near = [(40 + 20 * second - 16) * 255 / 219 for second in (number, min(number + 1, 5))]
        assert min(abs(float(tile.mean()) - luma) for luma in near) < 4


def test_distant_keyframes_share_a_tile_between_cues(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    opened = OpenSource(make(ffmpeg, tmp_path / "a.mp4", RAMP, *H264, "-g", "30"), tools)
    storyboard = write_storyboard(opened.video(), StoryboardSettings(interval_s=0.5), out_dir=opened.out)
    assert (storyboard.tiles, storyboard.cues) == (2, 2)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_keyframes_of_open_gops_are_complete(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, codec: str
) -> None:
    kind = "x264" if codec == "libx264" else "x265"
    params = "keyint=10:min-keyint=10:scenecut=0:open-gop=1:bframes=3" + ":log-level=none" * (kind == "x265")
    source = make(ffmpeg, tmp_path / "a.mp4", RAMP, "-c:v", codec, f"-{kind}-params", params)
    opened = OpenSource(source, tools, codec="h264" if kind == "x264" else "hevc")
    assert int(opened.track.samples.sync.sum()) == 6
    thumbnails = write_thumbnails(opened.video(), out_dir=opened.out, count=6, width=64)
    assert [each.time_s for each in thumbnails] == pytest.approx([0, 1, 2, 3, 4, 5], abs=0.21)
    for each in thumbnails:
        luma = 40 + 20 * round(each.time_s)
        assert float(grey(ffmpeg, each.path).mean()) == pytest.approx((luma - 16) * 255 / 219, abs=3)


def test_a_damaged_keyframe_affects_only_its_own_image(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    source = make(ffmpeg, tmp_path / "a.mp4", RAMP)
    with FileRanges(source) as file:
        samples = read_movie(file).tracks[0].samples
    second = int(np.flatnonzero(samples.sync)[2])
    raw = bytearray(source.read_bytes())
    start, length = int(samples.offset[second]), int(samples.size[second])
    raw[start : start + length] = b"\x00" * length
    source.write_bytes(bytes(raw))
    opened = OpenSource(source, tools)
    thumbnails = write_thumbnails(opened.video(), out_dir=opened.out, count=6, width=64)
    assert [each.time_s for each in thumbnails] == [0, 1, 3, 4, 5]
    storyboard = write_storyboard(opened.video(), StoryboardSettings(interval_s=1), out_dir=opened.out)
    assert storyboard.tiles == 5


def test_a_highlight_has_the_keyframe_before_it_as_thumbnail(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    opened = OpenSource(make(ffmpeg, tmp_path / "ramp.mp4", RAMP), tools)
    thumbnails = write_preceding_keyframes(opened.video(), [0, 9, 10, 25, 29, 59], out_dir=opened.out)
    names = [each and each.path.name for each in thumbnails]
    assert names == [f"highlight-{number:03}.jpg" for number in (1, 1, 3, 4, 4, 6)]
    assert [each and each.time_s for each in thumbnails] == [0.0, 0.0, 1.0, 2.0, 2.0, 5.0]
    assert sorted(path.name for path in opened.out.iterdir()) == sorted({str(name) for name in names})
    brightness = [float(grey(ffmpeg, each.path).mean()) for each in thumbnails if each]
    assert brightness == sorted(brightness)
    assert brightness[-1] - brightness[0] > 80
    assert write_preceding_keyframes(opened.video(), [], out_dir=opened.out) == ()


def test_a_highlight_with_a_damaged_keyframe_has_no_thumbnail(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    path = make(ffmpeg, tmp_path / "ramp.mp4", RAMP)
    with FileRanges(path) as src:
        track = read_movie(src).tracks[0]
    data = bytearray(path.read_bytes())
    at, length = int(track.samples.offset[20]), int(track.samples.size[20])
    data[at : at + length] = bytes(length)
    path.write_bytes(data)
    opened = OpenSource(path, tools)
    thumbnails = write_preceding_keyframes(opened.video(), [15, 25, 35], out_dir=opened.out)
    assert [each and each.path.name for each in thumbnails] == [
        "highlight-001.jpg",
        None,
        "highlight-003.jpg",
    ]
    assert write_preceding_keyframes(opened.video(), [25], out_dir=opened.out) == (None,)


def test_a_source_without_a_decodable_keyframe_is_rejected(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    source = make(ffmpeg, tmp_path / "a.mp4", RAMP)
    with FileRanges(source) as file:
        samples = read_movie(file).tracks[0].samples
    raw = bytearray(source.read_bytes())
    start = int(samples.offset.min())
    raw[start : start + int(samples.size.sum())] = b"\x00" * int(samples.size.sum())
    source.write_bytes(bytes(raw))
    opened = OpenSource(source, tools)
    with pytest.raises(InputError, match="no keyframe"):
        write_poster(opened.video(), out=opened.out / "poster.jpg")


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_images_are_upright_as_in_a_player(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, rotation: int
) -> None:
    plain = make(ffmpeg, tmp_path / "plain.mp4", "testsrc2=s=160x90:r=10:d=1")
    rotated = tmp_path / "a.mp4"
    argv = [
        ffmpeg,
        "-v",
        "error",
        "-display_rotation",
        f"{rotation}",
        "-i",
        f"{plain}",
        "-c",
        "copy",
        f"{rotated}",
    ]
    subprocess.run(argv, check=True, capture_output=True, timeout=20)
    opened = OpenSource(rotated, tools)
    poster = write_poster(opened.video(), out=opened.out / "poster.jpg")
    shown = tmp_path / "shown.png"
    argv = [ffmpeg, "-v", "error", "-i", f"{rotated}", "-frames:v", "1", f"{shown}"]
    subprocess.run(argv, check=True, capture_output=True, timeout=20)
    actual, expected = grey(ffmpeg, poster.path).astype(int), grey(ffmpeg, shown).astype(int)
    assert actual.shape == expected.shape == ((160, 90) if rotation != 180 else (90, 160))
    assert float(np.abs(actual - expected).mean()) < 5


def test_non_square_pixels_become_square(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    source = make(ffmpeg, tmp_path / "a.mp4", "testsrc2=s=144x108:r=10:d=1,setsar=4/3", *H264)
    opened = OpenSource(source, tools)
    assert opened.facts.pixel_aspect == Fraction(4, 3)
    poster = write_poster(opened.video(), out=opened.out / "poster.jpg")
    assert (poster.width, poster.height) == (192, 108)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_high_dynamic_range_is_tone_mapped(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, transfer: str
) -> None:
    tags = f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:log-level=none"
    # Reference white of BT.2408: 58 % of PQ, 75 % of HLG, in 10-bit limited range.
    code = 64 + round(876 * (0.58 if transfer == "smpte2084" else 0.75))
    lavfi = f"color=black:s=128x72:r=10:d=1,format=yuv420p10le,geq=lum={code}:cb=512:cr=512"
    source = make(
        ffmpeg, tmp_path / "a.mp4", lavfi, "-c:v", "libx265", "-x265-params", tags, "-tag:v", "hvc1"
    )
    colours = {"transfer": transfer, "primaries": "bt2020", "matrix": "bt2020nc", "bit_depth": 10}
    opened = OpenSource(source, tools, codec="hevc", pixel_format="yuv420p10le", **colours)
    poster = write_poster(opened.video(), out=opened.out / "poster.jpg")
    assert 190 < float(grey(ffmpeg, poster.path).mean()) < 250


def test_images_are_reproducible(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    opened = OpenSource(make(ffmpeg, tmp_path / "a.mp4", "testsrc2=s=160x90:r=10:d=3"), tools)
    outputs = []
    for _ in range(2):
        write_poster(opened.video(), out=opened.out / "poster.jpg")
        write_storyboard(opened.video(), StoryboardSettings(), out_dir=opened.out)
        outputs.append({path.name: path.read_bytes() for path in opened.out.iterdir()})
    assert outputs[0] == outputs[1]
    assert b"Lavc" not in outputs[0]["poster.jpg"]


def test_only_a_few_ranges_of_a_long_file_are_read(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    source = make(ffmpeg, tmp_path / "a.mp4", "testsrc2=s=640x360:r=30:d=60", *H264, "-g", "30", "-crf", "10")
    opened = OpenSource(source, tools)
    write_poster(opened.video(), out=opened.out / "poster.jpg")
    assert opened.src.bytes_read < opened.src.size / 2


def test_real_camera_files_have_images(tools: Toolchain, samples: Path, tmp_path: Path) -> None:
    for name in ("karma", "max-heromode"):
        link = tmp_path / name / "a.mp4"
        link.parent.mkdir()
        link.symlink_to(samples / f"{name}.mp4")
        opened = OpenSource(link, tools)
        assert write_poster(opened.video(), out=opened.out / "poster.jpg").bytes > 10_000
        storyboard = write_storyboard(opened.video(), StoryboardSettings(), out_dir=opened.out)
        assert 5 <= storyboard.cues <= 7


def test_sizes_are_even_keep_the_aspect_and_are_never_enlarged() -> None:
    facts = VideoFacts(
        codec="h264", width=855, height=481, fps=Fraction(30), frames=1, pixel_format="yuv420p", timescale=30
    )
    assert image_size(facts, 1280) == (854, 480)
    assert image_size(facts, 160) == (160, 90)
    tall = VideoFacts(**{**vars(facts), "rotation": 90})
    assert image_size(tall, 160) == (160, 284)
    narrow = VideoFacts(**{**vars(facts), "width": 8192, "height": 2})
    assert image_size(narrow, 160) == (160, 2)


def test_interlaced_video_uses_one_field() -> None:
    facts = VideoFacts(
        codec="h264",
        width=720,
        height=576,
        fps=Fraction(25),
        frames=1,
        pixel_format="yuv420p",
        timescale=25,
        interlaced=True,
    )
    assert image_filters(facts, 160, 90)[0] == "field=type=top"


def test_the_nearest_keyframe_is_found_on_either_side() -> None:
    times = np.asarray([0.0, 2.0, 5.0])
    found = Keyframes(sample=np.arange(3), times=times, end=6.0)
    assert nearest_keyframes(found, [-1, 0.9, 1.1, 3.4, 3.6, 9]) == (0, 0, 1, 1, 2, 2)


def test_cues_never_exceed_the_maximum() -> None:
    settings = StoryboardSettings(interval_s=2, most=10)
    assert len(cue_starts(20.0, settings)) == 10
    assert len(cue_starts(20.1, settings)) == 10
    assert len(cue_starts(4 * 3600.0, settings)) == 10
    assert cue_starts(0.03, settings) == (0.0,)


def test_times_beyond_an_hour_are_valid_webvtt() -> None:
    sheet = SpriteSheet(columns=10, rows=10, width=160, height=90)
    text = format_webvtt([Cue(start=3599.9996, end=36_610.5, tile=211)], sheet)
    assert "01:00:00.000 --> 10:10:10.500\nstoryboard-02.jpg#xywh=160,90,160,90\n" in text
