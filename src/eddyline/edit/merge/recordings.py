"""Groups files by recording: cameras split a long one into chapter files."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from eddyline.core.errors import EddylineError
from eddyline.edit.merge.chapters import Source, group_chapters, split_by_folder


def group_recordings(sources: Sequence[Source]) -> list[tuple[Source, ...]]:
    """Group sources by recording: chapters that can be merged, in order; each other source separately.

    Sources are paths or object addresses. A file that is a chapter only by its name (from another camera, or
    edited) stays separate.
    """
    return [recording for group in group_chapters(sources) for recording in _split_group(group)]


def _split_group(group: tuple[Source, ...]) -> list[tuple[Source, ...]]:
    if len(group) == 1 or _mergeable(group):
        return [group]
    folders = split_by_folder(group)
    for count in range(len(folders) - 1, 0, -1):
        head: tuple[Source, ...] = tuple(chain(*folders[:count]))
        tail: tuple[Source, ...] = tuple(chain(*folders[count:]))
        if count == 1 or _mergeable(head):
            return _split_group(head) + _split_group(tail)
    return [(path,) for path in group]


def _mergeable(paths: Sequence[Source]) -> bool:
    # Reading and comparing chapters imports a lot, and most runs have none.
    from eddyline.edit.merge.merge import is_one_recording  # noqa: PLC0415 - see above

    try:
        return is_one_recording(paths)
    except EddylineError:
        return False
