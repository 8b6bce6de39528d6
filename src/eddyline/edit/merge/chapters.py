"""Chapters: the files that a camera cuts one recording into, told by their names.

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

Front and back of a Fusion are two recordings. Chapters are those of one folder, or of the next of the card's
folders where one ran out (see `card_folders`).
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

Place = TypeVar("Place", Path, str)
_NUMBERED = re.compile(r"(G[HXSLG])(\d\d)(\d{4})", re.IGNORECASE | re.ASCII)
_LOOPING = re.compile(r"(G[HX])([A-Z]{2})(\d{4})", re.IGNORECASE)
_MOST_CHAPTERS = 99  # two digits
# What the first file of a recording begins with, and what those that follow do.
_LATER = {"GOPR": "GP", "GPFR": "GF", "GPBK": "GB"}
_FIRST = {later: first for first, later in _LATER.items()}
_OLD = re.compile(r"(?:(GOPR|GPFR|GPBK)|(G[PFB])(\d\d))(\d{4})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ChapterName:
    """What a camera's file name says. Files with the same `family` and `clip` are one recording.

    `looping`: the camera writes over the oldest chapter, so that what is left may be any stretch.
    """

    family: str
    clip: str
    chapter: int
    looping: bool = False


def chapter_name(name: str) -> ChapterName | None:
    """What the name says, or None if no camera gives such names."""
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


def sibling(name: str, step: int) -> str | None:
    """The name of the chapter so many `step`s after this one (before it, if negative), of the same recording.

    None if no camera gives the one name or the other; looping chapters have no siblings.
    """
    path, told = Path(name), chapter_name(name)
    if told is None or told.looping:
        return None
    number, prefix = told.chapter + step, path.stem[:2]
    first = told.family[:4]
    if first in _LATER:
        found = f"{first}{told.clip}" if number == 0 else f"{_LATER[first]}{number:02}{told.clip}"
        found = found.lower() if prefix.islower() else found
        least = 0
    else:
        found, least = f"{prefix}{number:02}{told.clip}", 1
    return found + path.suffix if least <= number <= _MOST_CHAPTERS else None


def in_order(chapters: Sequence[Path], *, force: bool = False) -> tuple[Path, ...]:
    """The chapters of one recording as they were filmed, whatever the order given.

    Names that no camera gives are taken in the order given. Raises `UsageError` for files of several
    recordings, one chapter given twice, a mixture of cameras' names and others, or a single file;
    `InputError` for a chapter that is missing in between, unless `force`.
    """
    if len(chapters) < 2:  # noqa: PLR2004 - one file is merged already
        raise UsageError("there is nothing to merge", remedy="name all chapters of one recording")
    names = [chapter_name(path.name) for path in chapters]
    known = [(name, path) for name, path in zip(names, chapters, strict=True) if name is not None]
    if not known:
        _once(chapters)
        return tuple(chapters)
    if len(known) < len(chapters):
        stranger = next(path for name, path in zip(names, chapters, strict=True) if name is None)
        raise UsageError(
            f"{known[0][1].name} is named by a camera, {stranger.name} is not: their order is unknown",
            remedy="give all of them the camera's names, or none",
        )
    known.sort(key=lambda each: each[0].chapter)
    (first, one), *others = known
    for name, path in others:
        if (name.family, name.clip) != (first.family, first.clip):
            raise UsageError(
                f"{one.name} is of recording {first.clip} ({first.family}),"
                f" {path.name} of recording {name.clip} ({name.family})",
                remedy="merge one recording at a time",
            )
    for (before, a), (after, b) in pairwise(known):
        if after.chapter == before.chapter:
            raise UsageError(f"{a} and {b} are the same chapter", remedy="leave one out")
        if after.chapter != before.chapter + 1 and not force:
            missing = _span(before.chapter + 1, after.chapter - 1)
            raise InputError(
                f"chapter {missing} is missing between {a.name} and {b.name}",
                remedy="name it too; or add --force to join what is there, with a jump",
            )
    return tuple(path for _, path in known)


def grouped(footage: Iterable[Place]) -> list[tuple[Place, ...]]:
    """Footage by recording, in the order of its first files: chapters with no gap together.

    Footage is given as paths, or as addresses in a store. Chapters lie in one folder; those of the next
    folder of a card go on where that one ends.

    Looping chapters stay apart: the camera deletes the oldest, and people keep the one that they want.
    """
    groups: dict[object, list[tuple[int, int, Place]]] = {}
    for number, place in enumerate(footage):
        path = PurePosixPath(place)
        name = chapter_name(path.name)
        if name is None or name.looping:
            groups[number] = [(0, 0, place)]
            continue
        folder = card_folder(path.parent)
        key = (folder.row, name.family, name.clip)
        groups.setdefault(key, []).append((folder.number, name.chapter, place))
    return [run for group in groups.values() for run in _runs(group)]


def by_folder(chapters: Sequence[Place]) -> list[tuple[Place, ...]]:
    """The chapters of one recording, in order, by the folders that they lie in."""
    folders = groupby(chapters, key=lambda place: PurePosixPath(place).parent)
    return [tuple(each) for _, each in folders]


def _runs(group: list[tuple[int, int, Place]]) -> list[tuple[Place, ...]]:
    """Chapters (number of folder, number of chapter, place) that follow each other without a gap."""
    runs: list[list[tuple[int, int, Place]]] = []
    for folder, chapter, place in sorted(group, key=lambda each: each[:2]):
        if runs and runs[-1][-1][:2] == (folder, chapter - 1):
            runs[-1].append((folder, chapter, place))
        else:
            runs.append([(folder, chapter, place)])
    ends = {run[-1][:2]: run for run in runs}
    joined: list[list[tuple[int, int, Place]]] = []
    for run in runs:
        folder, chapter, _ = run[0]
        before = ends.get((folder - 1, chapter - 1))
        if before is None:
            joined.append(run)
        else:
            before.extend(run)
            ends[run[-1][:2]] = before
    return [tuple(place for *_, place in run) for run in joined]


def _once(chapters: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for path in chapters:
        if path.absolute() in seen:
            raise UsageError(f"{path} is named twice", remedy="leave one out")
        seen.add(path.absolute())


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"
