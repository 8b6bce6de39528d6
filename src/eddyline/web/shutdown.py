"""The end of the server, as event streams see it: they end at once, so that the process can."""

from __future__ import annotations

import asyncio
import contextlib


class Shutdown:
    """A flag that is set when the server begins to end; `request` is safe in threads and signal handlers."""

    def __init__(self) -> None:
        self._requested = False
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def requested(self) -> bool:
        """Whether the server is ending."""
        return self._requested

    def request(self) -> None:
        """Set the flag, and wake everything that waits for it."""
        self._requested = True
        for future in tuple(self._waiting):  # no lock: a signal handler may have interrupted its holder
            with contextlib.suppress(RuntimeError):  # its event loop is closed
                future.get_loop().call_soon_threadsafe(_wake, future)

    async def wait(self, timeout_s: float) -> bool:
        """Wait up to `timeout_s` seconds; returns True as soon as the server is ending."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            if not self._requested:  # read after adding the future: an earlier request did not wake it
                await asyncio.wait({future}, timeout=timeout_s)
        finally:
            self._waiting.discard(future)
        return self._requested


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
