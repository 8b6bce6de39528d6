"""A server process for tests that kill it: the application, and the finisher of uploads, on one directory.

`python -m tests.integration.web.upload_server DIR PORT`. The jobs of its assets are never run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from eddyline import config
from eddyline.app.shared_services import SharedServices
from eddyline.core.background_tasks import run_tasks
from eddyline.core.clock import SystemClock
from eddyline.web.application import create_app
from eddyline.web.services import Services, WebSettings
from eddyline.web.upload_services import upload_tasks


def main() -> None:
    root, port = Path(sys.argv[1]).absolute(), int(sys.argv[2])
    state = root / ".eddyline"
    state.mkdir(parents=True, exist_ok=True)
    shared = SharedServices(
        store=str(root), ledger=str(state / "ledger.sqlite"), queues="", settings=config.read({})
    )
    services = Services(
        ledger=shared.open_plain_ledger(),
        store=shared.open_store(),
        shared=shared,
        settings=WebSettings(local=True, data=state),
        clock=SystemClock(),
    )
    with run_tasks(upload_tasks(services)):
        uvicorn.run(create_app(services), host="127.0.0.1", port=port, log_level="critical")


if __name__ == "__main__":
    main()
