"""Packages the start of one rendition as an HLS stream that grows, with the segments of the final stream.

The packager's segments depend only on the samples in them and before them, so that those of the first frames
of a rendition are the same bytes as those of the whole, once the corrections of `package` are applied to
both. The last segment of a part may be incomplete, and is left out. Durations come from the source's frame
times, which are known before anything is encoded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.core.files import remove_tree, translate_errors
from eddyline.core.processes.runner import Runner
from eddyline.media.audio.renditions import AudioRendition
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.streaming import playlists
from eddyline.media.streaming.audio_groups import with_audio_groups
from eddyline.media.streaming.elementary_streams import (
    ElementaryStream,
    VariantFrames,
    segment_duration,
    write_audio_stream,
)
from eddyline.media.streaming.fragment_duration import remove_fragment_duration
from eddyline.media.streaming.keyframe_fragments import split_keyframes
from eddyline.media.streaming.package import packager_command, packager_limits
from eddyline.media.streaming.segment_duration import SegmentDuration
from eddyline.media.streaming.stream_edit_lists import set_presentation_start
from eddyline.media.streaming.stream_spherical import add_spherical
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack
from eddyline.store.ranges import FileRanges

MASTER = "preview.m3u8"
"""The master playlist of a preview, beside that of the final stream."""

_INIT, _PLAYLIST = "init.mp4", "main.m3u8"
_PACKAGED_MASTER, _MPD = "master.m3u8", "manifest.mpd"
_IFRAMES = re.compile(r"(?m)^#EXT-X-I-FRAME-STREAM-INF:.*\n\n?")
_RATES = re.compile(r"BANDWIDTH=(\d+),AVERAGE-BANDWIDTH=\d+")


@dataclass(frozen=True, kw_only=True)
class PreviewSource:
    """The start of a rendition.

    `video` and `audio` are its tracks in a movie of `timescale`, with the first frames only; `frames` are all
    frames of the whole rendition, on the grid of the rung. The audio must not end before the video, unless
    it is whole (`whole_audio`).
    """

    rung: Rung
    video: OutputTrack
    audio: Sequence[OutputTrack]
    audio_renditions: Sequence[AudioRendition]
    whole_audio: Sequence[bool]
    timescale: int
    frames: VariantFrames


def package_preview(
    source: PreviewSource, grid: Grid, *, tools: Toolchain, runner: Runner, stream: Path, work: Path
) -> dict[str, int]:
    """Write init segments, media segments and EVENT playlists to `stream`, and the master playlist.

    `grid` is the source's. Returns the number of complete segments of each track, by directory. Files of
    incomplete segments are removed. `work` is a directory beside `stream` for temporary files.
    """
    with translate_errors("packaging the preview"):
        for folder in (stream, work):
            remove_tree(folder)
            folder.mkdir(parents=True)
        inputs = _write_inputs(source, work)
        segmenting = segment_duration(source.frames.keyframes, grid)
        argv = packager_command(inputs, segmenting, grid, tools, work=f"../{work.name}")
        size = sum((work / each.path).stat().st_size for each in inputs)
        runner.run(argv, cwd=stream, limits=packager_limits(size))
        counts = {source.rung.name: _complete_video(stream, source, segmenting)}
        starts = playlists.read_mpd((stream / _MPD).read_text("utf-8"), _MPD)[1]
        by_name = {each.init.partition("/")[0]: each for each in starts}
        for each, whole in zip(inputs[1:], source.whole_audio, strict=True):
            target = segmenting.target(source.frames.keyframes)
            counts[each.name] = _complete_audio(stream, by_name[each.name], target, whole=whole)
        for each in inputs:
            remove_fragment_duration(stream / each.name / _INIT)
        master = stream / _PACKAGED_MASTER
        add_spherical(stream, master, inputs)
        text = with_audio_groups(master.read_text("utf-8"), inputs)
        (stream / MASTER).write_text(_master(text, source.rung), "utf-8")
        for path in (master, stream / _MPD, stream / source.rung.name / "iframes.m3u8"):
            path.unlink()
    return counts


def _write_inputs(source: PreviewSource, work: Path) -> list[ElementaryStream]:
    write_mp4(work / "v0.mp4", [source.video], timescale=source.timescale)
    with FileRanges(work / "v0.mp4") as file:
        track = read_movie(file).first_track("video")
    video = ElementaryStream(name=source.rung.name, path="v0.mp4", kind="video", track=track)
    audio = [
        write_audio_stream(each, rendition, source.timescale, work)
        for each, rendition in zip(source.audio, source.audio_renditions, strict=True)
    ]
    return [video, *audio]


def _complete_video(stream: Path, source: PreviewSource, segmenting: SegmentDuration) -> int:
    """Finish the video's segments and playlist; returns the number of complete segments."""
    folder, keyframes = stream / source.rung.name, source.frames.keyframes
    times = [*(int(keyframes.pts[number]) for number in segmenting.first), keyframes.end]
    durations = [Fraction(end - start, keyframes.timescale) for start, end in pairwise(times)]
    frames = len(source.video.duration)
    # The first frames of all segments but the first, and the end.
    ends = [
        *(number * source.frames.grid.gop for number in segmenting.first[1:]),
        source.frames.timeline.frames,
    ]
    count = sum(end <= frames for end in ends)
    set_presentation_start(folder / _INIT, _segments(folder)[0], times[0])
    for path in _segments(folder):
        split_keyframes(path)
    _write_playlist(folder, durations, count, segmenting.target(keyframes))
    return count


def _complete_audio(stream: Path, packaged: playlists.Representation, target: int, *, whole: bool) -> int:
    folder = (stream / packaged.init).parent
    durations = [
        Fraction(end - start, packaged.timescale)
        for start, end in zip(packaged.starts, packaged.ends, strict=True)
    ]
    count = len(durations) if whole else len(durations) - 1
    _write_playlist(folder, durations, count, target)
    return count


def _write_playlist(folder: Path, durations: Sequence[Fraction], count: int, target: int) -> None:
    """Correct the packager's playlist, and remove the segments after the first `count`."""
    path = folder / _PLAYLIST
    text = playlists.without_signature(path.read_text("utf-8"))
    text = playlists.with_target(playlists.with_exact_durations(text, durations), target)
    path.write_text(playlists.as_event(text, count), "utf-8")
    for segment in _segments(folder)[count:]:
        segment.unlink()


def _segments(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.m4s"))
    if not found:
        raise ProofError(f"the packager wrote no segments of {folder.name}")
    return found


def _master(text: str, rung: Rung) -> str:
    """The packager's master playlist without I-frame playlists; its rates are those of the rung, at least."""
    text = playlists.without_signature(_IFRAMES.sub("", text))
    return _RATES.sub(lambda found: f"BANDWIDTH={max(int(found[1]), rung.maxrate_kbps * 1000)}", text)
