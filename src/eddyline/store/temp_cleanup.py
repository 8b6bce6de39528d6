"""Removes the temporary files that killed processes left in a media store in a directory."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from eddyline.core import files


@dataclass(frozen=True, kw_only=True)
class TempCleanup:
    """Removes incomplete copies and deletions in the directory `root`; all have hidden names."""

    root: Path

    def abort(self, folder: str, *, older_s: float = 0.0) -> None:
        """Remove the temporary files below `folder`, and of `folder` itself, older than `older_s` seconds.

        Ignores errors. A process that is still writing one of the files fails and may retry.
        """
        with contextlib.suppress(OSError):
            for each in files.temp_paths(self.root / folder):
                files.remove_temp_path(each, older_s=older_s)
            files.remove_temp_paths(self.root / folder, older_s=older_s)
