"""Chapters in a watched folder, held back until their recording has not changed for some time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from eddyline.ingest.chapters import find_chapters, remaining_wait_s
from eddyline.ingest.folder_scan import FolderScanner
from eddyline.store.object_metadata import ObjectMetadata


@dataclass(kw_only=True)
class HeldChapters:
    """Files that wait for further chapters. Times are monotonic seconds, as in the scanner."""

    folder: FolderScanner
    _waits: dict[Path, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether any file waits."""
        return bool(self._waits)

    def hold(self, path: Path, wait_s: float) -> None:
        """Hold a settled chapter until its recording has not changed for `wait_s`."""
        self._waits[path] = wait_s

    def release_complete(self, now: float) -> list[tuple[Path, ...]]:
        """Release and return the complete recordings, each with all its chapters."""
        complete: dict[tuple[Path, ...], None] = {}
        for path, wait_s in list(self._waits.items()):
            metadata = self._metadata(path)
            if metadata is None:
                del self._waits[path]  # gone or rewritten: the scanner reports it again once it has settled
                continue
            chapters = find_chapters(path.as_posix(), metadata, lambda key: self._metadata(Path(key)))
            if not remaining_wait_s(chapters, wait_s, now):
                complete[tuple(Path(each.key) for each in chapters)] = None
        for recording in complete:
            for path in recording:
                self._waits.pop(path, None)
        return list(complete)

    def _metadata(self, path: Path) -> ObjectMetadata | None:
        """The file as an object that was uploaded when the file last changed."""
        since = self.folder.unchanged_since(path)
        return (
            None if since is None else ObjectMetadata(size=1, tag="", at=since, content_type="", metadata={})
        )
