"""Scratch directories of several workers of one machine; each removes those of killed workers."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from eddyline.core import files
from eddyline.core.locked_directory import lock_directory, remove_unlocked

_WORKER_DIRECTORY = re.compile(r"\d+-[0-9a-f]{8}")


@contextlib.contextmanager
def scratch_directory(root: Path) -> Iterator[Path]:
    """A directory below `root` for this process alone, removed at the end.

    It is absolute, because some programs run in another working directory. Directories of processes that no
    longer run are removed first. Raises `TransientError` if nothing can be written.
    """
    root = root.absolute()
    with contextlib.ExitStack() as stack:
        with files.translate_errors(f"preparing {root}"):
            root.mkdir(parents=True, exist_ok=True)
            remove_unlocked([each for each in root.iterdir() if _WORKER_DIRECTORY.fullmatch(each.name)])
            directory = stack.enter_context(
                lock_directory(lambda: root / f"{os.getpid()}-{secrets.token_hex(4)}")
            )
        yield directory
