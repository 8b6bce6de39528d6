"""What killed processes left in a media store that is a folder: files half copied, folders half removed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from eddyline.core import files


@dataclass(frozen=True, kw_only=True)
class TempCleanup:
    """What was begun in the folder `root` and not ended; all of it lies under hidden names."""

    root: Path

    def abort(self, folder: str, *, older_s: float = 0.0) -> None:
        """Remove what was begun more than `older_s` seconds ago below `folder`, and what was of it itself.

        What cannot be removed stays. Whoever is still writing one of them fails then, and may try again.
        """
        with contextlib.suppress(OSError):
            for each in files.temp_paths(self.root / folder):
                files.remove_temp_path(each, older_s=older_s)
            files.remove_temp_paths(self.root / folder, older_s=older_s)
