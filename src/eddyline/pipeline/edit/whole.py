"""Files that people named: they appear whole and on the disk, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eddyline.core import files


@contextmanager
def appearing(out: Path) -> Iterator[Path]:
    """A name beside `out` to write to; at the end it is synced and takes the name `out`, at once.

    If anything fails, what was written is removed and `out` is what it was. Raises `TransientError` where
    the disk is full or in the way.
    """
    aside = files.aside(out)
    with files.told_apart(f"writing {out.name}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield aside
            files.sync_file(aside)
            aside.replace(out)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        files.sync_folder(out.parent)
