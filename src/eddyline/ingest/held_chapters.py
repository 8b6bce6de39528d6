"""Chapters in a watched folder, held back until nothing was added to their recording for a while."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from eddyline.ingest.chapters import find_chapters, remaining_wait_s
from eddyline.ingest.folder_scan import FolderScanner
from eddyline.store.object_metadata import ObjectMetadata


@dataclass(kw_only=True)
class HeldChapters:
    """Files that wait for further chapters. Times are the folder's: monotonic, in seconds."""

    folder: FolderScanner
    _waits: dict[Path, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._waits)

    def hold(self, path: Path, wait_s: float) -> None:
        """Keep a chapter that was found whole, until its recording is left alone for so long."""
        self._waits[path] = wait_s

    def released(self, now: float) -> list[tuple[Path, ...]]:
        """The recordings that are whole by now, each with all chapters that lie beside those that waited."""
        found: dict[tuple[Path, ...], None] = {}
        for path, wait_s in list(self._waits.items()):
            facts = self._facts(path)
            if facts is None:
                del self._waits[path]  # gone, or written anew: it is told of again once it is whole
                continue
            parts = find_chapters(path.as_posix(), facts, lambda key: self._facts(Path(key)))
            if not remaining_wait_s(parts, wait_s, now):
                found[tuple(Path(part.key) for part in parts)] = None
        for recording in found:
            for path in recording:
                self._waits.pop(path, None)
        return list(found)

    def _facts(self, path: Path) -> ObjectMetadata | None:
        """A file as an object that was put there when it began to look as it does."""
        since = self.folder.since(path)
        return (
            None if since is None else ObjectMetadata(size=1, tag="", at=since, content_type="", metadata={})
        )
