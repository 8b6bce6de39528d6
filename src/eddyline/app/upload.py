"""Uploads recordings to a server, three at a time, and continues what an earlier call did not finish.

Nothing is stored on this machine: the server finds unfinished uploads by the fingerprint of their content.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eddyline.core.errors import EddylineError, InputError, Interrupted, ProofError, UsageError
from eddyline.core.files import translate_errors
from eddyline.core.stop import Stop
from eddyline.edit.merge.recordings import group_recordings
from eddyline.media.source.sniff import HEAD_BYTES
from eddyline.pipeline.submission.discover import discover
from eddyline.pipeline.submission.submit import fingerprint_source
from eddyline.store.addresses import parse
from eddyline.store.ranges import FileRanges
from eddyline.store.tus_client import TusServer

AT_ONCE = 3
_CHUNK = 8 * 1024 * 1024
_POLL_S = 1.0
_ENDED = {"submitted", "failed"}


@dataclass(frozen=True, kw_only=True)
class UploadRequest:
    """What to upload, where to. `merge`: chapter files of one recording become one asset."""

    sources: tuple[str, ...]
    server: str
    token: str = ""
    profile: str = "default"
    merge: bool = True
    allow_http: bool = False


@dataclass(frozen=True, kw_only=True)
class UploadProgress:
    """Bytes of all files of a recording that the server has."""

    name: str
    sent: int
    size: int
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class UploadDone:
    """A recording is an asset now, or was before (`reused`). `resumed` bytes were on the server before."""

    name: str
    asset: str
    size: int
    reused: bool
    resumed: int = 0


@dataclass(frozen=True, kw_only=True)
class UploadFailed:
    """A recording that was not uploaded, and what to do."""

    name: str
    reason: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class UploadSkipped:
    """A file that is not a video."""

    path: str
    reason: str


UploadEvent = UploadProgress | UploadDone | UploadFailed | UploadSkipped


@dataclass(kw_only=True)
class UploadReport:
    """The outcome of a call. `interrupted`: the reason why it stopped early ("": it did not)."""

    done: list[UploadDone] = field(default_factory=list)
    failed: list[UploadFailed] = field(default_factory=list)
    skipped: list[UploadSkipped] = field(default_factory=list)
    interrupted: str = ""


def upload_sources(
    request: UploadRequest, *, stop: Stop, on_event: Callable[[UploadEvent], None]
) -> UploadReport:
    """Upload all recordings; one that fails does not stop the others.

    `on_event` is called by several threads. Raises `UsageError` for an invalid server or token.
    """
    with _connect(request, stop) as server:
        server.check_access()  # before anything is read
    report = UploadReport()
    found = discover(request.sources)
    for path, reason in found.skipped:
        _add(report, UploadSkipped(path=path, reason=reason), on_event)
    for path, error in found.failed:
        _add(report, UploadFailed(name=path, reason=error.message, remedy=error.remedy), on_event)
    videos = found.videos
    recordings = group_recordings(videos) if request.merge else [(each,) for each in videos]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload") as pool:

        def upload_one(recording: Sequence[str]) -> UploadEvent | None:
            return _upload(recording, request, stop, on_event)

        for outcome in pool.map(upload_one, recordings):
            if outcome is not None:
                _add(report, outcome, on_event)
    report.interrupted = stop.reason
    return report


def _add(report: UploadReport, event: UploadEvent, on_event: Callable[[UploadEvent], None]) -> None:
    if isinstance(event, UploadDone):
        report.done.append(event)
    elif isinstance(event, UploadFailed):
        report.failed.append(event)
    elif isinstance(event, UploadSkipped):
        report.skipped.append(event)
    on_event(event)


def _upload(
    recording: Sequence[str], request: UploadRequest, stop: Stop, on_event: Callable[[UploadEvent], None]
) -> UploadEvent | None:
    """Upload one recording; None if a stop was requested."""
    name = Path(recording[0]).name
    if stop.requested:
        return None
    try:
        paths = [_local(each) for each in recording]
        with _connect(request, stop) as server:
            return _RecordingUpload(server, paths, request.profile, stop, on_event).run()
    except Interrupted:
        return None
    except UsageError as error:
        stop.request(error.message)  # a revoked token refuses all others too
        return UploadFailed(name=name, reason=error.message, remedy=error.remedy)
    except EddylineError as error:
        return UploadFailed(name=name, reason=error.message, remedy=error.remedy)


def _connect(request: UploadRequest, stop: Stop) -> TusServer:
    return TusServer(request.server, token=request.token, stop=stop, allow_http=request.allow_http)


def _local(address: str) -> Path:
    place = parse(address)
    if not place.local:
        raise InputError(
            "only local files are uploaded",
            remedy="submit objects of a store with eddyline submit, or by the API",
        )
    return place.folder


class _RecordingUpload:
    """The upload of the files of one recording, one after the other."""

    def __init__(
        self,
        server: TusServer,
        paths: Sequence[Path],
        profile: str,
        stop: Stop,
        on_event: Callable[[UploadEvent], None],
    ) -> None:
        self._server = server
        self._paths = paths
        self._profile = profile
        self._stop = stop
        self._on_event = on_event
        with translate_errors("reading a source"):
            self._size = sum(path.stat().st_size for path in paths)
        self._name = paths[0].name
        self._sent = self._resumed = 0

    def run(self) -> UploadDone:
        """Upload what the server does not have; returns when the recording is an asset."""
        prints = [_fingerprint(path) for path in self._paths]
        with translate_errors("reading a source"), self._paths[0].open("rb") as file:
            known = self._server.look_up(prints, self._profile, file.read(HEAD_BYTES))
        if known.get("reason"):
            raise InputError(str(known["reason"]), remedy=str(known.get("remedy") or ""))
        if known.get("asset"):
            return UploadDone(name=self._name, asset=str(known["asset"]), size=self._size, reused=True)
        earlier = [each for each in known.get("uploads", ()) if isinstance(each, dict)]
        recording = next(
            (str(each["recording"]) for each in earlier if each["recording"]), secrets.token_hex(16)
        )
        sent = []
        for part, (path, fingerprint) in enumerate(zip(self._paths, prints, strict=True)):
            fits = (each for each in earlier if each["part"] == part and each["fingerprint"] == fingerprint)
            upload = next((str(each["id"]) for each in fits), "")
            sent.append(self._send(path, upload, self._metadata(path, fingerprint, recording, part)))
        return self._await_asset(sent)

    def _metadata(self, path: Path, fingerprint: str, recording: str, part: int) -> dict[str, str]:
        found = {"filename": path.name, "profile": self._profile, "fingerprint": fingerprint}
        if len(self._paths) > 1:
            found |= {"recording": recording, "part": str(part), "parts": str(len(self._paths))}
        return found

    def _send(self, path: Path, upload: str, metadata: dict[str, str]) -> tuple[str, str]:
        """Send one file from where the server is; returns the upload and the SHA-256 of the file.

        The bytes that the server has already are read too, so that the whole file is verified at the end.
        """
        with translate_errors(f"reading {path.name}"), path.open("rb") as file:
            size = path.stat().st_size
            offset = self._server.offset(upload) if upload else None
            if offset is None:
                upload, offset = self._server.create(size, metadata), 0
            digest = hashlib.sha256()
            self._resumed += offset
            hashed = 0
            while hashed < size:
                self._stop.check()
                data = file.read(_CHUNK)
                if not data:
                    raise InputError("the file became shorter", remedy="run the command again")
                digest.update(data)
                while hashed + len(data) > offset:
                    part = data[max(offset - hashed, 0) :]
                    offset = self._server.send(upload, max(offset, hashed), part)
                    if offset < hashed:
                        raise InputError(
                            "the server lost a part of the upload", remedy="run the command again"
                        )
                    self._progress(min(offset, hashed + len(data)))
                hashed += len(data)
            self._sent += size
        return upload, digest.hexdigest()

    def _progress(self, of_file: int) -> None:
        self._on_event(UploadProgress(name=self._name, sent=self._sent + of_file, size=self._size))

    def _await_asset(self, sent: Sequence[tuple[str, str]]) -> UploadDone:
        """Wait until the server has verified, stored and submitted all files."""
        asset = ""
        for upload, sha256 in sent:
            while (found := self._server.status(upload))["state"] not in _ENDED:
                self._stop.wait(_POLL_S)
                self._stop.check()
            _require_same(found, sha256)
            asset = asset or str(found["asset"])
        return UploadDone(name=self._name, asset=asset, size=self._size, reused=False, resumed=self._resumed)


def _require_same(found: dict[str, Any], sha256: str) -> None:
    if found["state"] == "failed":
        failure = found.get("failure") or {}
        raise InputError(
            str(failure.get("message", "the upload failed")), remedy=str(failure.get("remedy", ""))
        )
    if found.get("sha256") not in {sha256, None}:
        raise ProofError(
            "the server has other bytes than the file",
            remedy="delete the asset and run the command again; check memory and disks of both machines",
        )


def _fingerprint(path: Path) -> str:
    with FileRanges(path) as src:
        return fingerprint_source(src)
