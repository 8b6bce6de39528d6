"""A fake of the ECS agent's task protection endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.servers.loopback import Handler, listening

_TASK = "arn:aws:ecs:eu-central-1:111122223333:task/eddyline/0123456789abcdef0123456789abcdef"


@dataclass(kw_only=True)
class FakeAgent:
    """`requests` lists the bodies of accepted PUT requests; the next `failing` requests fail."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    failing: int = 0

    @property
    def protected(self) -> bool:
        """Whether the task is protected now."""
        return bool(self.requests and self.requests[-1]["ProtectionEnabled"])


@contextmanager
def agent() -> Iterator[FakeAgent]:
    """A fake agent on a free loopback port."""
    fake = FakeAgent()

    class Agent(Handler):
        def do_PUT(self) -> None:
            body = json.loads(self.body())
            if self.path != "/api/0a1b/task-protection/v1/state":
                self.respond(404, b"{}")
                return
            if not set(body) <= {"ProtectionEnabled", "ExpiresInMinutes"}:
                self.respond(400, _json({"error": {"Code": "InvalidParameterException"}}))
                return
            if fake.failing:
                fake.failing -= 1
                failure = {"Arn": _TASK, "Reason": "DEPLOYMENT_BLOCKED"}
                # The real agent reports a failure with status 200.
                self.respond(200, _json({"failure": failure, "requestID": "r"}))
                return
            fake.requests.append(body)
            self.respond(200, _json({"protection": {**body, "TaskArn": _TASK}, "requestID": "r"}))

    with listening(Agent) as address:
        fake.url = f"{address}/api/0a1b"
        yield fake


def _json(response: dict[str, Any]) -> bytes:
    return json.dumps(response).encode()
