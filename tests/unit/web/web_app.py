"""An application on an empty directory, and a client of it, for the tests of routes."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient
from tests.unit.graph.new_ledgers import new_ledger_file

from eddyline import config
from eddyline.app.shared_services import SharedServices
from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.tokens import Tokens
from eddyline.store.local import LocalStore
from eddyline.web.application import create_app
from eddyline.web.services import Services, WebSettings


def open_services(root: Path, *, local: bool = True) -> Services:
    """Services on the directory `root`, with a manual clock. The ledger is that of an embedded run."""
    state = root / ".eddyline"
    state.mkdir(parents=True, exist_ok=True)
    if not (state / "ledger.sqlite").exists():
        (state / "ledger.sqlite").write_bytes(new_ledger_file())
    clock = ManualClock()
    return Services(
        ledger=Ledger.open(state / "ledger.sqlite", clock=clock),
        store=LocalStore(root),
        shared=SharedServices(
            store=str(root), ledger=str(state / "ledger.sqlite"), queues="", settings=config.read({})
        ),
        settings=WebSettings(local=local, data=state, hosts=("testserver", "localhost", "127.0.0.1")),
        clock=clock,
    )


def client_of(services: Services) -> TestClient:
    """A client of the application of `services`; it raises no error of the server."""
    return TestClient(create_app(services), raise_server_exceptions=False)


def bearer(services: Services, *, owner: str = "", scope: str = "admin") -> dict[str, str]:
    """The headers of a client with a new token; it ends the local mode of `services`."""
    created = Tokens(services.ledger).create(owner=owner, scope=scope)
    return {"Authorization": f"Bearer {created.secret}"}
