"""Edits that plant violations into the good stream: of playlists and the MPD, and of measurements."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import Any

from tests.unit.media.streaming.validation.good_stream import MASTER, MPD, good_files, load, measured

from eddyline.media.streaming.validation.stream_model import MeasuredTrack, Stream

Files = dict[str, str]
Edit = Callable[[Files], None]
Change = Callable[[Stream], Stream]


@dataclass(frozen=True)
class Case:
    """A rule, the edits that violate it, the changes of measurements, and rules that they violate as well."""

    rule: str
    edits: tuple[Edit, ...] = ()
    changes: tuple[Change, ...] = ()
    also: tuple[str, ...] = ()

    def stream(self) -> Stream:
        files = good_files()
        for edit in self.edits:
            edit(files)
        stream = load(files)
        if self.changes:
            stream = measured(stream)
            for change in self.changes:
                stream = change(stream)
        return stream


def case(rule: str, *steps: Edit | Change, also: tuple[str, ...] = ()) -> Case:
    """A case of edits (functions of files)."""
    return Case(rule=rule, edits=steps, also=also)  # type: ignore[arg-type]


def measured_case(
    rule: str, *changes: Change, edits: tuple[Edit, ...] = (), also: tuple[str, ...] = ()
) -> Case:
    """A case of changes of measurements."""
    return Case(rule=rule, edits=edits, changes=changes, also=also)


def edit(pattern: str, old: str, new: str, count: int = 1) -> Edit:
    """Replace `old` by `new` in all files whose name matches, `count` times in each (-1: all)."""

    def apply(files: Files) -> None:
        names = [name for name in files if fnmatch(name, pattern) and old in files[name]]
        assert names, f"{old!r} is not in {pattern}"
        for name in names:
            files[name] = files[name].replace(old, new, count)

    return apply


def after(file: str, marker: str, old: str, new: str) -> Edit:
    """Replace the first `old` after `marker`."""

    def apply(files: Files) -> None:
        head, found, rest = files[file].partition(marker)
        assert found, marker
        assert old in rest, old
        files[file] = head + found + rest.replace(old, new, 1)

    return apply


def pattern_edit(file: str, pattern: str, new: str, count: int = 0) -> Edit:
    """Replace a regular expression."""

    def apply(files: Files) -> None:
        files[file], found = re.subn(pattern, new, files[file], count=count)
        assert found, pattern

    return apply


def variant(name: str, old: str, new: str) -> Edit:
    """Replace `old` in the EXT-X-STREAM-INF of a variant."""

    def apply(files: Files) -> None:
        lines = files[MASTER].split("\n")
        place = lines.index(f"{name}/main.m3u8") - 1
        assert old in lines[place], old
        lines[place] = lines[place].replace(old, new)
        files[MASTER] = "\n".join(lines)

    return apply


def iframe(name: str, old: str, new: str) -> Edit:
    """Replace `old` in the EXT-X-I-FRAME-STREAM-INF of a variant."""

    def apply(files: Files) -> None:
        lines = files[MASTER].split("\n")
        place = next(n for n, line in enumerate(lines) if f'URI="{name}/iframes.m3u8"' in line)
        assert old in lines[place], old
        lines[place] = lines[place].replace(old, new)
        files[MASTER] = "\n".join(lines)

    return apply


def without_variants(*names: str) -> Edit:
    """Remove variants."""

    def apply(files: Files) -> None:
        for name in names:
            pattern = rf"#EXT-X-STREAM-INF:[^\n]*\n{name}/main.m3u8\n"
            files[MASTER], found = re.subn(pattern, "", files[MASTER])
            assert found, name

    return apply


def without_iframes(*names: str) -> Edit:
    """Remove I-frame playlists."""

    def apply(files: Files) -> None:
        for name in names:
            pattern = rf'#EXT-X-I-FRAME-STREAM-INF:[^\n]*URI="{name}/iframes.m3u8"\n'
            files[MASTER], found = re.subn(pattern, "", files[MASTER])
            assert found, name

    return apply


def first(name: str) -> Edit:
    """Move a variant to the first place."""

    def apply(files: Files) -> None:
        found = re.search(rf"#EXT-X-STREAM-INF:[^\n]*\n{name}/main.m3u8\n", files[MASTER])
        assert found
        rest = files[MASTER].replace(found[0], "")
        files[MASTER] = rest.replace("#EXT-X-STREAM-INF", found[0] + "#EXT-X-STREAM-INF", 1)

    return apply


def track(name: str, **values: Any) -> Change:
    """Change fields of the measurements of a playlist or a representation."""

    def apply(stream: Stream) -> Stream:
        found = stream.tracks[name]
        return replace(stream, tracks={**stream.tracks, name: replace(found, **values)})

    return apply


def segment(name: str, index: int, **changes: Any) -> Change:
    """Change fields of a measured segment; a function maps the old value to the new one."""

    def apply(stream: Stream) -> Stream:
        found = stream.tracks[name]
        segments = [
            replace(each, **_values(each, changes)) if each.index == index else each
            for each in found.segments
        ]
        return _with(stream, name, replace(found, segments=tuple(segments)))

    return apply


def entry(name: str, **values: Any) -> Change:
    """Change fields of the sample entry."""

    def apply(stream: Stream) -> Stream:
        found = stream.tracks[name]
        return _with(stream, name, replace(found, entries=(replace(found.entries[0], **values),)))

    return apply


def sizes(name: str, *factors: float) -> Change:
    """Multiply the sizes of the segments."""

    def apply(stream: Stream) -> Stream:
        found = stream.tracks[name]
        known = found.known_sizes or ()
        scaled = [int(known[0] * factor) for factor in factors]
        return _with(stream, name, replace(found, sizes=tuple(scaled)))

    return apply


def _values(each: object, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value(getattr(each, name)) if callable(value) else value for name, value in changes.items()}


def _with(stream: Stream, name: str, found: MeasuredTrack) -> Stream:
    return replace(stream, tracks={**stream.tracks, name: found})


DASH_720 = f"{MPD}#Period[0]/AdaptationSet[0]/Representation[1]"
