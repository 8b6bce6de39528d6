"""The flag that ends event streams."""

from __future__ import annotations

import asyncio
import threading
import time

from eddyline.web.shutdown import Shutdown


def test_a_wait_without_a_request_ends_after_its_time() -> None:
    shutdown = Shutdown()
    assert asyncio.run(shutdown.wait(0.01)) is False
    assert not shutdown.requested


def test_a_request_of_another_thread_wakes_all_waits() -> None:
    shutdown = Shutdown()

    async def main() -> list[bool]:
        waits = [asyncio.ensure_future(shutdown.wait(60)) for _ in range(500)]
        await asyncio.sleep(0)
        threading.Thread(target=shutdown.request).start()
        return await asyncio.gather(*waits)

    started = time.monotonic()
    assert asyncio.run(main()) == [True] * 500
    assert time.monotonic() - started < 5


def test_a_wait_after_the_request_returns_at_once_in_any_event_loop() -> None:
    shutdown = Shutdown()
    assert asyncio.run(shutdown.wait(0)) is False
    shutdown.request()
    assert asyncio.run(shutdown.wait(60)) is True
    assert asyncio.run(shutdown.wait(60)) is True


def test_a_wait_whose_loop_has_ended_does_not_disturb_a_request() -> None:
    shutdown = Shutdown()
    loop = asyncio.new_event_loop()
    task = loop.create_task(shutdown.wait(60))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    shutdown.request()
    assert shutdown.requested
    task._log_destroy_pending = False  # type: ignore[attr-defined]
