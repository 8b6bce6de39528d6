"""PostgreSQL, S3 and SQS servers on this machine, to try a fleet: `make servers`.

Writes the environment of the fleet to a file, prints how to use it, and runs until Ctrl-C. The servers'
data is deleted then.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
from pathlib import Path

from tests.servers.ministack import Ministack, start_server
from tests.unit.graph.postgres_server import Server

BUCKET = "media"


def exports(ledger: str, cloud: Ministack) -> dict[str, str]:
    """The environment variables of the processes that use these servers."""
    return {
        "EDDYLINE_STORE": f"s3://{BUCKET}/eddyline",
        "EDDYLINE_LEDGER": ledger,
        "EDDYLINE_QUEUES": "eddyline",
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def main(path: Path) -> None:
    """Run the servers until SIGINT or SIGTERM; `path` is the file to write."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with Server() as ledger, tempfile.TemporaryDirectory(prefix="eddyline-servers-") as folder:
        cloud = start_server(Path(folder))
        try:
            assert cloud.request("PUT", f"/{BUCKET}")[0] == 200
            lines = [f"export {name}='{value}'" for name, value in exports(ledger.url, cloud).items()]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines) + "\n")
            sys.stdout.write(f"PostgreSQL, S3 and SQS run until Ctrl-C. In other terminals:  . {path}\n")
            sys.stdout.flush()
            while not stopped.wait(1.0):
                pass
        finally:
            cloud.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
