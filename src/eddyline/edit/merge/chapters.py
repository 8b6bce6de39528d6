"""Chapter file names: the files into which a camera splits one recording.

| camera | first | then | clip | chapter |
|---|---|---|---|---|
| HERO6 and later | GX010042.MP4, GH010042.MP4 | GX020042.MP4 | 0042 | 1, 2 |
| HERO5 and older | GOPR0042.MP4 | GP010042.MP4 | 0042 | 0, 1 |
| 360 | GS010042.360 | GS020042.360 | 0042 | 1, 2 |
| Fusion, front | GPFR0042.MP4 | GF010042.MP4 | 0042 | 0, 1 |
| Fusion, back | GPBK0042.MP4 | GB010042.MP4 | 0042 | 0, 1 |
| proxies | GL010042.LRV | GL020042.LRV | 0042 | 1, 2 |
| bursts as video | GG010042.MP4 | GG020042.MP4 | 0042 | 1, 2 |
| looping | GHAA0001.MP4 | GHAA0002.MP4 | AA | 1, 2 |

Front and back of a Fusion are two recordings. The chapters of a recording are in one directory, or continue
in the next directory of the card (see `card_folders`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path, PurePosixPath
from typing import TypeVar

from eddyline.core.errors import InputError, UsageError
from eddyline.edit.merge.card_folders import card_folder

Source = TypeVar("Source", Path, str)
_NUMBERED = re.compile(r"(G[HXSLG])(\d\d)(\d{4})", re.IGNORECASE | re.ASCII)
_LOOPING = re.compile(r"(G[HX])([A-Z]{2})(\d{4})", re.IGNORECASE)
_MAX_CHAPTERS = 99  # two digits
# Prefix of the first file of a recording -> prefix of the following files.
_LATER = {"GOPR": "GP", "GPFR": "GF", "GPBK": "GB"}
_FIRST = {later: first for first, later in _LATER.items()}
_OLD = re.compile(r"(?:(GOPR|GPFR|GPBK)|(G[PFB])(\d\d))(\d{4})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ChapterName:
    """A parsed file name. Files with the same `family` and `clip` are one recording.

    `looping`: the camera overwrites the oldest chapters, so the remaining ones may start anywhere.
    """

    family: str
    clip: str
    chapter: int
    looping: bool = False


def parse_chapter_name(name: str) -> ChapterName | None:
    """Parse a file name; returns None if it is not a camera's name."""
    path = Path(name)
    suffix = path.suffix.upper()
    if found := _NUMBERED.fullmatch(path.stem):
        return ChapterName(family=found[1].upper() + suffix, clip=found[3], chapter=int(found[2]))
    if found := _LOOPING.fullmatch(path.stem):
        clip, family = found[2].upper(), found[1].upper() + suffix
        return ChapterName(family=family, clip=clip, chapter=int(found[3]), looping=True)
    if found := _OLD.fullmatch(path.stem):
        first = found[1].upper() if found[1] else _FIRST[found[2].upper()]
        return ChapterName(family=first + suffix, clip=found[4], chapter=int(found[3] or 0))
    return None


def sibling_name(name: str, step: int) -> str | None:
    """Return the name of the chapter `step` positions later (negative: earlier) in the same recording.

    Returns None if either name is not a camera's; looping chapters have no siblings.
    """
    path, parsed = Path(name), parse_chapter_name(name)
    if parsed is None or parsed.looping:
        return None
    number, prefix = parsed.chapter + step, path.stem[:2]
    first = parsed.family[:4]
    if first in _LATER:
        found = f"{first}{parsed.clip}" if number == 0 else f"{_LATER[first]}{number:02}{parsed.clip}"
        found = found.lower() if prefix.islower() else found
        least = 0
    else:
        found, least = f"{prefix}{number:02}{parsed.clip}", 1
    return found + path.suffix if least <= number <= _MAX_CHAPTERS else None


def order_chapters(chapters: Sequence[Path], *, force: bool = False) -> tuple[Path, ...]:
    """Return the chapters of one recording in recording order.

    Files without camera names keep the given order.

    Raises:
        UsageError: files of several recordings, a duplicate chapter, a mixture of camera names and other
            names, or a single file.
        InputError: a chapter in between is missing, unless `force`.
    """
    if len(chapters) < 2:  # noqa: PLR2004 - one file is merged already
        raise UsageError("nothing to merge", remedy="pass all chapters of one recording")
    names = [parse_chapter_name(path.name) for path in chapters]
    known = [(name, path) for name, path in zip(names, chapters, strict=True) if name is not None]
    if not known:
        _require_distinct(chapters)
        return tuple(chapters)
    if len(known) < len(chapters):
        unnamed = next(path for name, path in zip(names, chapters, strict=True) if name is None)
        raise UsageError(
            f"{known[0][1].name} has a camera name and {unnamed.name} does not: their order is unknown",
            remedy="use camera names for all of them, or for none",
        )
    known.sort(key=lambda each: each[0].chapter)
    (first, one), *others = known
    for name, path in others:
        if (name.family, name.clip) != (first.family, first.clip):
            raise UsageError(
                f"{one.name} belongs to recording {first.clip} ({first.family}),"
                f" {path.name} to recording {name.clip} ({name.family})",
                remedy="merge one recording at a time",
            )
    for (before, a), (after, b) in pairwise(known):
        if after.chapter == before.chapter:
            raise UsageError(f"{a} and {b} are the same chapter", remedy="remove one")
        if after.chapter != before.chapter + 1 and not force:
            missing = _format_span(before.chapter + 1, after.chapter - 1)
            raise InputError(
                f"chapter {missing} is missing between {a.name} and {b.name}",
                remedy="pass it too, or add --force to merge the others with a jump",
            )
    return tuple(path for _, path in known)


def group_chapters(sources: Iterable[Source]) -> list[tuple[Source, ...]]:
    """Group sources by recording, in the order of their first files: chapters without a gap together.

    Sources are paths or object addresses. Chapters are in one directory, or continue in the next directory of
    the card. Looping chapters are not grouped: the camera deletes the oldest, and users keep single ones.
    """
    groups: dict[object, list[tuple[int, int, Source]]] = {}
    for number, source in enumerate(sources):
        path = PurePosixPath(source)
        name = parse_chapter_name(path.name)
        if name is None or name.looping:
            groups[number] = [(0, 0, source)]
            continue
        folder = card_folder(path.parent)
        key = (folder.row, name.family, name.clip)
        groups.setdefault(key, []).append((folder.number, name.chapter, source))
    return [run for group in groups.values() for run in _runs(group)]


def split_by_folder(chapters: Sequence[Source]) -> list[tuple[Source, ...]]:
    """Split the ordered chapters of one recording by directory."""
    folders = groupby(chapters, key=lambda source: PurePosixPath(source).parent)
    return [tuple(each) for _, each in folders]


def _runs(group: list[tuple[int, int, Source]]) -> list[tuple[Source, ...]]:
    """Return runs of consecutive chapters; `group` has (directory number, chapter number, source)."""
    runs: list[list[tuple[int, int, Source]]] = []
    for folder, chapter, source in sorted(group, key=lambda each: each[:2]):
        if runs and runs[-1][-1][:2] == (folder, chapter - 1):
            runs[-1].append((folder, chapter, source))
        else:
            runs.append([(folder, chapter, source)])
    ends = {run[-1][:2]: run for run in runs}
    joined: list[list[tuple[int, int, Source]]] = []
    for run in runs:
        folder, chapter, _ = run[0]
        before = ends.get((folder - 1, chapter - 1))
        if before is None:
            joined.append(run)
        else:
            before.extend(run)
            ends[run[-1][:2]] = before
    return [tuple(source for *_, source in run) for run in joined]


def _require_distinct(chapters: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for path in chapters:
        if path.absolute() in seen:
            raise UsageError(f"{path} is passed twice", remedy="remove one")
        seen.add(path.absolute())


def _format_span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"
