"""Uploads on a directory, and a store that counts what is submitted, for tests without HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.uploads.existing_assets import asset_of
from eddyline.library.uploads.finisher import UploadFinisher
from eddyline.library.uploads.limits import UploadLimits
from eddyline.library.uploads.upload import NewUpload, Upload
from eddyline.library.uploads.upload_files import UploadFiles
from eddyline.library.uploads.uploads import Uploads
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.planning.job_options import JobOptions
from eddyline.pipeline.submission.submit import Submitted, fingerprint_source
from eddyline.store.local import LocalStore
from eddyline.store.ranges import FileRanges

LIMITS = UploadLimits(file_bytes=10**9, reserve_bytes=0, open_uploads=100, expires_s=1000.0)


def video(number: int = 0, size: int = 3000) -> bytes:
    """Bytes that begin like an MP4; every number has others."""
    return (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + number.to_bytes(4, "big")).ljust(size, b"x")


@dataclass
class UploadSite:
    """Uploads, a store below `root`, and the recordings that were submitted."""

    root: Path
    ledger: Ledger
    clock: ManualClock
    limits: UploadLimits = LIMITS
    wait_s: float = 100.0
    one_recording: bool = True
    submissions: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.uploads = Uploads(self.ledger, UploadFiles(self.root / ".eddyline" / "uploads"), self.limits)
        self.store = LocalStore(self.root)

    def finisher(self) -> UploadFinisher:
        return UploadFinisher(
            uploads=self.uploads,
            store=self.store,
            submit=self.submit,
            are_one_recording=lambda _: self.one_recording,
            wait_s=self.wait_s,
        )

    def submit(self, addresses: Sequence[str], profile: Profile, options: JobOptions) -> Submitted:
        self.submissions.append([Path(each).name for each in addresses])
        fingerprints = []
        for each in addresses:
            with FileRanges(Path(each)) as src:
                fingerprints.append(fingerprint_source(src))
        asset = asset_of(fingerprints, profile, options.owner)
        return Submitted(asset=asset, name=Path(addresses[0]).name, source=addresses[0], status="open")

    def upload(self, data: bytes, *, name: str = "GX010042.MP4", owner: str = "", **values: object) -> Upload:
        """Create an upload and write all its bytes."""
        new = NewUpload(owner=owner, name=name, length=len(data), **values)  # type: ignore[arg-type] # of a test
        return self.write(self.uploads.create(new), data)

    def write(self, upload: Upload, data: bytes) -> Upload:
        begun = self.uploads.begin(upload.id, upload.owner, upload.offset)
        with self.uploads.files.open(upload.id, upload.offset) as file:
            file.write(upload.offset, data)
            file.sync()
        return self.uploads.record(begun, upload.offset + len(data))

    def stored(self) -> dict[str, bytes]:
        """The uploaded sources in the store, by name."""
        folder = self.root / "sources" / "uploads"
        return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
