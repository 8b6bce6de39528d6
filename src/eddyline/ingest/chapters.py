"""Chapters of one recording that arrive one by one: which they are, and when all are there.

Nothing is remembered. Whenever a chapter's message comes, its neighbours are looked for by the names that the
camera gives: whichever message comes first, last, twice or to another process, all find the same recording.
Nobody tells which chapter is the last, so it counts as whole once nothing was added to it for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from eddyline.edit.merge.card_folders import beside
from eddyline.edit.merge.chapters import chapter_name, sibling
from eddyline.store.object_metadata import ObjectMetadata


@dataclass(frozen=True, kw_only=True)
class ChapterObject:
    """An object that is a chapter, as it is now."""

    key: str
    facts: ObjectMetadata


def is_chapter(key: str) -> bool:
    """Whether a camera gives such names to what may have further chapters."""
    name = chapter_name(PurePosixPath(key).name)
    return name is not None and not name.looping


def find_chapters(
    key: str, facts: ObjectMetadata, look: Callable[[str], ObjectMetadata | None]
) -> tuple[ChapterObject, ...]:
    """All chapters of the recording of `key` that lie beside it without a gap, in order; itself among them.

    Where a folder of a card ends, those of the next one follow (or, backwards, those of the one before).
    `look` says what an object is, None: it is not there. Raises as `look` does.
    """
    before, after = (tuple(_beside(key, look, step)) for step in (-1, 1))
    return (*reversed(before), ChapterObject(key=key, facts=facts), *after)


def remaining_wait_s(parts: tuple[ChapterObject, ...], wait_s: float, now: float) -> float:
    """For how many seconds more a recording has to stay as it is before it counts as whole."""
    return max(max(part.facts.at for part in parts) + wait_s - now, 0.0)


def in_same_directory(key: str, parts: Sequence[ChapterObject]) -> tuple[ChapterObject, ...]:
    """Those of the parts that lie in the folder of `key`."""
    folder = PurePosixPath(key).parent
    return tuple(part for part in parts if PurePosixPath(part.key).parent == folder)


def _beside(key: str, look: Callable[[str], ObjectMetadata | None], step: int) -> Iterator[ChapterObject]:
    """The chapters from `key` on in one direction, up to the first that is not there."""
    path = PurePosixPath(key)
    while (name := sibling(path.name, step)) is not None:
        part = _part(path.with_name(name), look) or _in_next_folder(path, name, step, look)
        if part is None:
            return
        path = PurePosixPath(part.key)
        yield part


def _in_next_folder(
    path: PurePosixPath, name: str, step: int, look: Callable[[str], ObjectMetadata | None]
) -> ChapterObject | None:
    """The chapter `name` in the card's next folder, unless the one beside it there is that folder's own."""
    folder = beside(path.parent, step)
    if folder is None or (found := _part(folder / name, look)) is None:
        return None
    return None if _part(folder / path.name, look) else found


def _part(path: PurePosixPath, look: Callable[[str], ObjectMetadata | None]) -> ChapterObject | None:
    facts = look(str(path))
    return ChapterObject(key=str(path), facts=facts) if facts is not None and facts.size else None
