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

    class Agent(Handler):
        def do_PUT(self) -> None:
            body = json.loads(self.body())
            if self.path != "/api/0a1b/task-protection/v1/state":
                self.say(404, b"{}")
                return
            if not set(body) <= {"ProtectionEnabled", "ExpiresInMinutes"}:
                self.say(400, _json({"error": {"Code": "InvalidParameterException"}}))
                return
            if fake.failing:
                fake.failing -= 1
                failure = {"Arn": _TASK, "Reason": "DEPLOYMENT_BLOCKED"}
                # The real agent says so with 200.
                self.say(200, _json({"failure": failure, "requestID": "r"}))
                return
            fake.asked.append(body)
            self.say(200, _json({"protection": {**body, "TaskArn": _TASK}, "requestID": "r"}))

    with listening(Agent) as address:
        fake.url = f"{address}/api/0a1b"
        yield fake


def _json(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer).encode()
