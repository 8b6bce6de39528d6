"""A fake of the EC2 instance metadata service (IMDSv2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers.loopback import Handler, listening

_ROOT = "/latest/meta-data/"


@dataclass(kw_only=True)
class FakeMachine:
    """An instance: `responses` by path below /latest/meta-data/ (missing: 404); `requests` lists them all.

    `status` other than 200 is the response to all requests but those for tokens; `tokens` False: no tokens.
    """

    url: str = ""
    responses: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    status: int = 200
    tokens: bool = True
    token: str = "AQAEAH-1=="  # noqa: S105 - of a fake

    def forget_tokens(self) -> None:
        """Make all tokens invalid, as a stop and a start of the instance do."""
        self.token += "1"


@contextmanager
def machine() -> Iterator[FakeMachine]:
    """A fake metadata service on a free loopback port."""
    fake = FakeMachine()

    class Metadata(Handler):
        def do_PUT(self) -> None:
            fake.requests.append(f"PUT {self.path}")
            ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
            # EC2 rejects token requests that a proxy forwarded.
            forwarded = self.headers.get("X-Forwarded-For") is not None
            if self.path != "/latest/api/token" or not fake.tokens:
                self.respond(404)
            elif forwarded or not ttl.isdigit() or not 1 <= int(ttl) <= 21_600:
                self.respond(400)
            else:
                self.respond(200, fake.token.encode())

        def do_GET(self) -> None:
            fake.requests.append(f"GET {self.path}")
            if self.headers.get("X-aws-ec2-metadata-token") != fake.token:
                self.respond(401)
            elif fake.status != 200:
                self.respond(fake.status)
            else:
                found = fake.responses.get(self.path.removeprefix(_ROOT))
                self.respond(404 if found is None else 200, (found or "").encode())

    with listening(Metadata) as fake.url:
        yield fake
