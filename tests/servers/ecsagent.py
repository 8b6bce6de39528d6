"""The ECS agent's task protection endpoint, as a container sees it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_TASK = "arn:aws:ecs:eu-central-1:111122223333:task/eddyline/0123456789abcdef0123456789abcdef"


@dataclass(kw_only=True)
class FakeAgent:
    """`asked` is each body that was put; `failing` so many answers to come are failures."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    failing: int = 0

    @property
    def protected(self) -> bool:
        """Whether the task is protected now."""
        return bool(self.asked and self.asked[-1]["ProtectionEnabled"])


@contextmanager
def agent() -> Iterator[FakeAgent]:
    """A fake agent on a free port of loopback."""
    fake = FakeAgent()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/api/0a1b/task-protection/v1/state":
                self._say(404, {})
                return
            if not set(body) <= {"ProtectionEnabled", "ExpiresInMinutes"}:
                self._say(400, {"error": {"Code": "InvalidParameterException"}})
                return
            if fake.failing:
                fake.failing -= 1
                failure = {"Arn": _TASK, "Reason": "DEPLOYMENT_BLOCKED"}
                # The real agent says so with 200.
                self._say(200, {"failure": failure, "requestID": "r"})
                return
            fake.asked.append(body)
            self._say(200, {"protection": {**body, "TaskArn": _TASK}, "requestID": "r"})

        def _say(self, status: int, answer: dict[str, Any]) -> None:
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        fake.url = f"http://127.0.0.1:{server.server_port}/api/0a1b"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()
