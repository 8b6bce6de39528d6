"""Receives the body of a request into the file of its upload: in bounded memory, durable in short steps.

Bytes are written and synced in threads; the offset is recorded after each step of `_STEP_BYTES`, and
whenever no byte has arrived for `_TICK_S`, so that HEAD states all that has arrived. A body with a checksum
counts only if it is complete and matches.

One request writes to an upload at a time. A new one ends an older one that has received nothing for
`_PROGRESS_S`: the client has lost its connection, and the server has not noticed it yet. While the older one
progresses, the new one is refused at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

from starlette.requests import Request

from eddyline.library.uploads.errors import FileTypeError, TakenOverError, TooLargeError, UploadBusyError
from eddyline.library.uploads.upload import Upload, UploadState
from eddyline.library.uploads.upload_files import HEAD_BYTES, OpenUploadFile
from eddyline.library.uploads.uploads import Uploads, check_type
from eddyline.web.tus.protocol import Checksum

T = TypeVar("T")
Outcome = Literal["received", "idle", "mismatch"]

_BLOCK = 1024 * 1024  # bytes of one write
_STEP_BYTES = 8 * 1024 * 1024
_TICK_S = 0.25
_PROGRESS_S = 1.0
_IDLE_S = 30.0
_TAKEOVER_S = 2.0
_POLL_S = 0.02
_THREADS = 8


@dataclass(kw_only=True, eq=False)
class _Active:
    """A request that writes to an upload."""

    last_byte: float
    end: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Receiver:
    """Receives the bodies of all requests of a server. For one event loop.

    `idle_s`: a body of which no byte arrives for this time is ended.
    """

    def __init__(
        self, uploads: Uploads, *, idle_s: float = _IDLE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._uploads = uploads
        self._idle_s = idle_s
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="uploads")
        self._active: dict[str, _Active] = {}

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work in a thread of uploads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def release(self, upload: str) -> None:
        """End the request that writes to an upload, because the upload is cancelled."""
        if (active := self._active.get(upload)) is not None:
            active.end.set()
            await _wait(active.ended, _TAKEOVER_S)

    async def receive(
        self,
        request: Request,
        upload: str,
        owner: str | None,
        offset: int,
        *,
        length: int | None = None,
        checksum: Checksum | None = None,
    ) -> tuple[Upload, Outcome]:
        """Receive a body that starts at `offset`; returns the upload, and how the body ended.

        Bytes before an error or a lost connection are kept. Raises the errors of `Uploads.begin`,
        `UploadBusyError`, `TakenOverError`, `TooLargeError`, `FileTypeError`, and those of the disk.
        """
        active = await self._become_active(upload)
        try:
            state = await self.run(lambda: self._uploads.begin(upload, owner, offset, length))
            if state.state is not UploadState.OPEN:
                return state, "received"
            with await self._open(state) as file:
                body = _Body(request, state, file, active, self, checksum)
                return await body.receive()
        finally:
            active.ended.set()
            if self._active.get(upload) is active:
                del self._active[upload]

    @property
    def uploads(self) -> Uploads:
        """The uploads that it writes to."""
        return self._uploads

    @property
    def idle_s(self) -> float:
        """Seconds without a byte after which a body is ended."""
        return self._idle_s

    def now(self) -> float:
        """Monotonic time in seconds."""
        return self._clock()

    async def _become_active(self, upload: str) -> _Active:
        """Register a request as the one that writes; ends one that has stalled."""
        deadline = self.now() + _TAKEOVER_S
        while (older := self._active.get(upload)) is not None:
            if not older.end.is_set() and self.now() - older.last_byte < _PROGRESS_S:
                raise UploadBusyError("another request is sending this upload, and makes progress")
            older.end.set()
            if not await _wait(older.ended, deadline - self.now()):
                raise UploadBusyError("another request is sending this upload, and has not ended yet")
        self._active[upload] = active = _Active(last_byte=self.now())
        return active

    async def _open(self, upload: Upload) -> OpenUploadFile:
        """Open the file; a request in another process lets go of it once it finds that it was taken over."""
        deadline = self.now() + _TAKEOVER_S
        while True:
            try:
                return await self.run(lambda: self._uploads.files.open(upload.id, upload.offset))
            except UploadBusyError:
                if self.now() > deadline:
                    raise
                await asyncio.sleep(_POLL_S)


class _Body:
    """The body of one request."""

    def __init__(
        self,
        request: Request,
        upload: Upload,
        file: OpenUploadFile,
        active: _Active,
        receiver: Receiver,
        checksum: Checksum | None,
    ) -> None:
        self._request = request
        self._upload = upload
        self._file = file
        self._active = active
        self._receiver = receiver
        self._checksum = checksum
        self._hash = None if checksum is None else checksum.new()
        self._pending = bytearray()
        self._written = upload.offset  # in the file, perhaps not synced
        self._checked = upload.offset >= HEAD_BYTES

    async def receive(self) -> tuple[Upload, Outcome]:
        message: asyncio.Future[Any] | None = None
        ended = asyncio.ensure_future(self._active.end.wait())
        try:
            while True:
                message = message or asyncio.ensure_future(self._request.receive())
                await asyncio.wait({message, ended}, timeout=_TICK_S, return_when=asyncio.FIRST_COMPLETED)
                if ended.done():
                    await self._keep()
                    raise TakenOverError("another request has taken over the upload")
                if not message.done():
                    if await self._wait_longer():
                        continue
                    return await self._keep(), "idle"
                found, message = message.result(), None
                more = bool(found.get("more_body", False))
                self._request.state.body_ended = not more  # also of a disconnection
                if found["type"] == "http.disconnect":
                    return await self._keep(), "idle"
                await self._add(found.get("body", b""))
                if not more:
                    return await self._complete()
        except FileTypeError as error:
            await self._receiver.run(partial(self._receiver.uploads.fail, self._upload.id, error))
            raise
        finally:
            ended.cancel()
            if message is not None:
                message.cancel()

    async def _add(self, data: bytes) -> None:
        if not data:
            return
        self._active.last_byte = self._receiver.now()
        self._require_within(len(data))
        self._pending += data
        if len(self._pending) >= _BLOCK:
            await self._receiver.run(self._write)
            if self._written - self._upload.offset >= _STEP_BYTES:
                await self._keep()

    def _require_within(self, more: int) -> None:
        length = self._upload.length
        if length is not None and self._written + len(self._pending) + more > length:
            raise TooLargeError(
                f"the body goes beyond the length of the upload, {length} bytes",
                remedy="declare the length of the whole file",
            )

    async def _wait_longer(self) -> bool:
        """After a tick without a byte: make durable what is here. False if the body has stalled for good."""
        await self._keep()
        if not await self._receiver.run(lambda: self._receiver.uploads.is_writer(self._upload)):
            raise TakenOverError("another request has taken over the upload")
        return self._receiver.now() - self._active.last_byte < self._receiver.idle_s

    async def _keep(self) -> Upload:
        """Make durable what has arrived, and record it, unless a checksum has to match first."""
        if self._checksum is None:
            await self._receiver.run(self._record)
        return self._upload

    async def _complete(self) -> tuple[Upload, Outcome]:
        await self._receiver.run(self._write)
        checksum, found = self._checksum, self._hash
        if checksum is not None and found is not None and found.digest() != checksum.digest:
            return self._upload, "mismatch"
        await self._receiver.run(self._record_end)
        return self._upload, "received"

    def _write(self) -> None:
        """Write the pending bytes (in a thread). The limits are checked before an unknown length grows."""
        if not self._pending:
            return
        data, self._pending = bytes(self._pending), bytearray()
        self._receiver.uploads.require_room(self._upload, self._written + len(data))
        self._file.write(self._written, data)
        if self._hash is not None:
            self._hash.update(data)
        self._written += len(data)
        self._check()

    def _check(self) -> None:
        """Check the type of the file once its first bytes are here (in a thread)."""
        if not self._checked and (self._written >= HEAD_BYTES or self._written == self._upload.length):
            check_type(self._file.read_head())
            self._checked = True

    def _record(self) -> None:
        """Write, sync and record what has arrived (in a thread)."""
        self._write()
        if self._written > self._upload.offset:
            self._file.sync()
            self._upload = self._receiver.uploads.record(self._upload, self._written)

    def _record_end(self) -> None:
        """As `_record`; completes an upload whose length was declared after its last byte."""
        self._record()
        if self._upload.state is UploadState.OPEN and self._written == self._upload.length:
            self._check()
            self._upload = self._receiver.uploads.record(self._upload, self._written)


async def _wait(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait for an event for at most `timeout_s`; whether it was set."""
    try:
        await asyncio.wait_for(event.wait(), max(timeout_s, 0.0))
    except TimeoutError:
        return False
    return True
