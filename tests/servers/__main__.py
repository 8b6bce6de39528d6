"""PostgreSQL, S3 and SQS on this machine, to try a fleet: `make servers`.

Writes what to export into a file, says so, and runs until Ctrl-C. What the servers hold is gone then.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
from pathlib import Path

from tests.servers.ministack import Ministack, _started
from tests.unit.graph.postgres_server import Server

BUCKET = "media"


def exports(ledger: str, cloud: Ministack) -> dict[str, str]:
    """The environment of everything that is to share these servers."""
    return {
        "EDDYLINE_STORE": f"s3://{BUCKET}/eddyline",
        "EDDYLINE_LEDGER": ledger,
        "EDDYLINE_QUEUES": "eddyline",
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def main(place: Path) -> None:
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with Server() as ledger, tempfile.TemporaryDirectory(prefix="eddyline-servers-") as folder:
        cloud = _started(Path(folder))
        try:
            assert cloud.ask("PUT", f"/{BUCKET}")[0] == 200
            lines = [f"export {name}='{value}'" for name, value in exports(ledger.url, cloud).items()]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("\n".join(lines) + "\n")
            sys.stdout.write(f"PostgreSQL, S3 and SQS run until Ctrl-C. In other terminals:  . {place}\n")
            sys.stdout.flush()
            while not over.wait(1.0):
                pass
        finally:
            cloud.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
