"""Cues of subtitle tracks in MP4, compared with FFmpeg's extraction from the same file."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eddyline.core.errors import InputError
from eddyline.core.processes.runner import Runner
from eddyline.media.languages import language_tag
from eddyline.media.left_out.tracks import left_out_tracks
from eddyline.media.subtitles import source_tracks
from eddyline.media.subtitles.cues import Cue, parse_srt, srt_cue
from eddyline.media.subtitles.source_tracks import cues_of_track, subtitle_tracks
from eddyline.media.subtitles.webvtt_fragments import init_segment, media_segment
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Edit, Movie, Track
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import passthrough
from eddyline.store.ranges import FileRanges

_SRT = (
    "1\n00:00:00,500 --> 00:00:01,234\nfirst\n\n2\n00:00:01,300 --> 00:00:02,333\nsecond\n\n"
    "3\n00:00:02,501 --> 00:00:02,600\nthird\n"
)


@pytest.fixture
def clip(tmp_path: Path, ffmpeg: str) -> Path:
    (tmp_path / "s.srt").write_text(_SRT)
    video = ("-f", "lavfi", "-i", "testsrc2=s=64x36:r=30:d=3", "-i", "s.srt", "-map", "0", "-map", "1")
    argv = [ffmpeg, "-v", "error", *video, "-c:v", "libx264", "-c:s", "mov_text", "a.mp4"]
    subprocess.run(argv, check=True, cwd=tmp_path)
    return tmp_path / "a.mp4"


@pytest.mark.parametrize(
    "edits",
    [
        (Edit(media_time=-1, duration=700), Edit(media_time=0, duration=3000)),
        (Edit(media_time=1000, duration=2000),),
        (Edit(media_time=-1, duration=250), Edit(media_time=1300, duration=1700)),
    ],
)
def test_edit_lists_are_applied_as_in_ffmpeg(
    edits: tuple[Edit, ...], clip: Path, tmp_path: Path, tools: Toolchain
) -> None:
    out = tmp_path / "edited.mp4"
    with FileRanges(clip) as src:
        movie = read_movie(src)
        video, text = (passthrough(movie, track, src, timescale=1000) for track in movie.tracks)
        scaled = tuple(
            replace(
                each,
                media_time=each.media_time
                if each.media_time < 0
                else each.media_time * text.timescale // 1000,
            )
            for each in edits
        )
        write_mp4(out, [video, replace(text, edits=scaled)], timescale=1000)
    argv = [str(tools.ffmpeg), "-v", "error", "-i", str(out), "-map", "0:s", "-f", "srt", "-"]
    expected = parse_srt(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    with FileRanges(out) as src:
        movie = read_movie(src)
        (track,) = subtitle_tracks(movie, src)
        assert cues_of_track(src, movie, track, work=tmp_path, tools=tools, runner=Runner()) == expected
    assert expected


def test_webvtt_in_fragmented_mp4_round_trips(tmp_path: Path, tools: Toolchain) -> None:
    cues = (
        Cue(start=500, end=1700, text="<i>a</i> &lt;b&gt; &amp;amp; &amp;lt;"),
        Cue(start=500, end=1700, text="same", top=True),
        Cue(start=1200, end=2333, text="same"),
        Cue(start=2333, end=2400, text="same"),
    )
    # SubRip cannot have a literal "<b>", which is markup, so the text is set here.
    cues = (replace(cues[0], text=srt_cue(0, 1, "<i>a</i> & &amp; &lt;").text), *cues[1:])
    path = tmp_path / "w.mp4"
    path.write_bytes(init_segment("deu") + media_segment(cues))
    with FileRanges(path) as src:
        movie = read_movie(src)
        (track,) = subtitle_tracks(movie, src)
        assert track.language == "deu"
        assert cues_of_track(src, movie, track, work=tmp_path, tools=tools, runner=Runner()) == cues


def test_an_omitted_track_is_listed_with_its_reason(clip: Path) -> None:
    with FileRanges(clip) as src:
        movie = read_movie(src)
        video, text = movie.tracks

        def why(track: Track) -> list[str]:
            changed: Movie = replace(movie, tracks=(video, track))
            return [each.why for each in left_out_tracks(changed, src, video) if each.kind == "subtitle"]

        assert why(text) == []
        assert why(replace(text, encrypted=True)) == ["it is encrypted"]
        assert why(replace(text, format="stpp", handler="subt")) == ["FFmpeg has no decoder for this format"]
        assert why(replace(text, format="mp4s", handler="subp")) == [source_tracks.NOT_TEXT]
        huge = np.full_like(text.samples.size, 16 << 20)
        large = replace(text, samples=replace(text.samples, size=huge, offset=np.zeros_like(huge)))
        assert why(large)[0].startswith(("it has more than 16 MiB", "its samples are outside"))


def test_text_without_a_decoder_is_an_input_error(clip: Path, tmp_path: Path, tools: Toolchain) -> None:
    with pytest.raises(InputError):
        source_tracks.extract_srt(clip, {7: tmp_path / "x.srt"}, tools=tools, runner=Runner())


@pytest.mark.parametrize(
    ("code", "expected"),
    [("eng", "en"), ("ger", "de"), ("deu", "de"), ("gsw", "gsw"), ("und", "und"), ('"x', "und")],
)
def test_languages_are_the_shortest_tags(code: str, expected: str) -> None:
    assert language_tag(code) == expected
