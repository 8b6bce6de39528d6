"""A server with one bare event stream, as a process: `python stream_server.py`. It prints its port."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from eddyline.web.http_server import HttpServer, configure, run
from eddyline.web.shutdown import Shutdown


def main() -> int:
    app, shutdown = FastAPI(), Shutdown()

    async def events() -> AsyncIterator[bytes]:
        yield b"event: hello\ndata: {}\n\n"
        while not await shutdown.wait(15):
            yield b": still here\n\n"

    @app.get("/events")
    async def stream() -> StreamingResponse:
        return StreamingResponse(events(), media_type="text/event-stream")

    def listening(port: int) -> None:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()

    config = configure(app, host="127.0.0.1", port=0, trusted_proxies="")
    return run(HttpServer(config, on_signal=shutdown.request, on_listening=listening))


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
