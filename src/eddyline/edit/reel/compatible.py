"""Checks that recordings have the same settings, before their segments are cut."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from eddyline.core.errors import InputError
from eddyline.edit.cancellable_reads import never_stop
from eddyline.edit.merge.compatibility import read_settings, require_same_settings
from eddyline.edit.merge.merge_plan import open_chapters


def require_joinable(paths: Sequence[Path], names: Sequence[str]) -> None:
    """Raise `InputError` unless segments of these files can be in one track; `names` are for messages."""
    if len(paths) < 2:  # noqa: PLR2004 - something to join
        return
    with ExitStack() as stack:
        chapters = open_chapters(paths, stack, never_stop)
        settings = [
            read_settings(name, each.src, each.movie, each.movie.tracks[each.main], each.shown)
            for name, each in zip(names, chapters, strict=True)
        ]
        try:
            for other in settings[1:]:
                require_same_settings(settings[0], other)
        except InputError as error:
            raise InputError(
                error.message,
                remedy="make a reel of each recording, or transcode them to the same settings first",
            ) from error
