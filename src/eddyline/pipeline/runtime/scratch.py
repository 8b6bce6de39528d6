"""Scratch space that several workers of one machine share: each has a folder, and sweeps after the killed."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from eddyline.core import files
from eddyline.core.locked_directory import lock_directory, remove_unlocked

_OURS = re.compile(r"\d+-[0-9a-f]{8}")


@contextlib.contextmanager
def scratch_directory(root: Path) -> Iterator[Path]:
    """A folder below `root` for this process alone, removed at the end.

    Folders whose process is gone, however it ended, are removed first. Raises `TransientError` where nothing
    can be written.
    """
    with contextlib.ExitStack() as stack:
        with files.translate_errors(f"preparing {root}"):
            root.mkdir(parents=True, exist_ok=True)
            remove_unlocked([each for each in root.iterdir() if _OURS.fullmatch(each.name)])
            folder = stack.enter_context(
                lock_directory(lambda: root / f"{os.getpid()}-{secrets.token_hex(4)}")
            )
        yield folder
