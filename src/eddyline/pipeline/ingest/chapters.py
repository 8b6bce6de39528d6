"""Chapters of one recording that arrive one by one: which they are, and when all are there.

Nothing is remembered. Whenever a chapter's message comes, its neighbours are looked for by the names that the
camera gives: whichever message comes first, last, twice or to another process, all find the same recording.
Nobody tells which chapter is the last, so it counts as whole once nothing was added to it for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import PurePosixPath

from eddyline.core.objectfacts import ObjectFacts
from eddyline.pipeline.edit.chapters import chapter_name, sibling


@dataclass(frozen=True, kw_only=True)
class Part:
    """An object that is a chapter, as it is now."""

    key: str
    facts: ObjectFacts


def is_chapter(key: str) -> bool:
    """Whether a camera gives such names to what may have further chapters."""
    name = chapter_name(PurePosixPath(key).name)
    return name is not None and not name.looping


def parts_of(key: str, facts: ObjectFacts, look: Callable[[str], ObjectFacts | None]) -> tuple[Part, ...]:
    """All chapters of the recording of `key` that lie beside it without a gap, in order; itself among them.

    `look` says what an object is, None: it is not there. Raises as `look` does.
    """
    before, after = (tuple(_beside(key, look, steps)) for steps in (count(-1, -1), count(1)))
    return (*reversed(before), Part(key=key, facts=facts), *after)


def quiet_in_s(parts: tuple[Part, ...], wait_s: float, now: float) -> float:
    """For how many seconds more a recording has to stay as it is before it counts as whole."""
    return max(max(part.facts.at for part in parts) + wait_s - now, 0.0)


def _beside(key: str, look: Callable[[str], ObjectFacts | None], steps: Iterable[int]) -> Iterator[Part]:
    """The chapters so many steps from `key`, up to the first that is not there."""
    path = PurePosixPath(key)
    for step in steps:
        name = sibling(path.name, step)
        beside = None if name is None else str(path.with_name(name))
        facts = None if beside is None else look(beside)
        if beside is None or facts is None or not facts.size:
            return
        yield Part(key=beside, facts=facts)
