"""Chapters of one recording that arrive separately: which they are, and when the recording is complete.

No state is kept. Whenever a chapter's message arrives, its neighbours are looked up by the camera's naming
scheme: whichever message arrives first, last, twice or at another process, all find the same recording. No
chapter is marked as the last one, so a recording counts as complete after no chapter was added for some time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from eddyline.edit.merge.card_folders import neighbor_folder
from eddyline.edit.merge.chapters import parse_chapter_name, sibling_name
from eddyline.store.object_metadata import ObjectMetadata

Lookup = Callable[[str], ObjectMetadata | None]
"""(key) -> the object's current metadata; None if it does not exist."""


@dataclass(frozen=True, kw_only=True)
class ChapterObject:
    """An object that is a chapter, with its current metadata."""

    key: str
    metadata: ObjectMetadata


def is_chapter(key: str) -> bool:
    """Whether the file name is that of a recording that a camera may split into chapters."""
    name = parse_chapter_name(PurePosixPath(key).name)
    return name is not None and not name.looping


def find_chapters(key: str, metadata: ObjectMetadata, lookup: Lookup) -> tuple[ChapterObject, ...]:
    """All chapters of the recording of `key` without a gap, in order, itself included.

    At the end of a directory of a card, the search continues in the next (or backwards, the previous) one.
    Raises as `lookup` does.
    """
    before, after = (tuple(_neighbours(key, lookup, step)) for step in (-1, 1))
    return (*reversed(before), ChapterObject(key=key, metadata=metadata), *after)


def remaining_wait_s(chapters: tuple[ChapterObject, ...], wait_s: float, now: float) -> float:
    """Seconds for which a recording must not change any more before it counts as complete."""
    return max(max(each.metadata.at for each in chapters) + wait_s - now, 0.0)


def in_same_directory(key: str, chapters: Sequence[ChapterObject]) -> tuple[ChapterObject, ...]:
    """The chapters in the directory of `key`."""
    directory = PurePosixPath(key).parent
    return tuple(each for each in chapters if PurePosixPath(each.key).parent == directory)


def _neighbours(key: str, lookup: Lookup, step: int) -> Iterator[ChapterObject]:
    """The chapters after `key` in one direction, up to the first missing one."""
    path = PurePosixPath(key)
    while (name := sibling_name(path.name, step)) is not None:
        chapter = _lookup_chapter(path.with_name(name), lookup) or _in_next_directory(
            path, name, step, lookup
        )
        if chapter is None:
            return
        path = PurePosixPath(chapter.key)
        yield chapter


def _in_next_directory(path: PurePosixPath, name: str, step: int, lookup: Lookup) -> ChapterObject | None:
    """The chapter `name` in the card's next directory, unless it belongs to a recording of that directory."""
    directory = neighbor_folder(path.parent, step)
    if directory is None or (found := _lookup_chapter(directory / name, lookup)) is None:
        return None
    return None if _lookup_chapter(directory / path.name, lookup) else found


def _lookup_chapter(path: PurePosixPath, lookup: Lookup) -> ChapterObject | None:
    metadata = lookup(str(path))
    return ChapterObject(key=str(path), metadata=metadata) if metadata is not None and metadata.size else None
