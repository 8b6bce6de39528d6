"""The process of `eddyline serve`: its services, its messages, and which servers start a worker."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from tests.unit.graph.conftest import postgres
from tests.unit.graph.postgres_server import empty_database

from eddyline import config
from eddyline.app.shared_services import SharedServices
from eddyline.core.errors import UsageError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.tokens import Tokens
from eddyline.web.server import (
    LOOPBACK,
    ServeRequest,
    accepted_hosts,
    listening_message,
    open_services,
    serve,
)

__all__ = ["postgres"]

EVERY_INTERFACE = "0.0.0.0"  # noqa: S104 - no socket is opened
OIDC = {"EDDYLINE_OIDC_ISSUER": "https://id.example.com", "EDDYLINE_OIDC_AUDIENCE": "eddyline"}


def request(out: Path, *, ledger: str = "", store: str = "", **options: str | int | bool) -> ServeRequest:
    """The options of a server without a worker, on a free port."""
    environment = {key: str(options.pop(key)) for key in list(options) if key.startswith("EDDYLINE_")}
    shared = SharedServices(store=store, ledger=ledger, queues="", settings=config.read(environment))
    values = {"port": 0, "worker": False, **options}
    return ServeRequest(out=out, shared=shared, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        ("127.0.0.1", "", LOOPBACK),
        ("localhost", "", LOOPBACK),
        ("::1", "", LOOPBACK),
        (EVERY_INTERFACE, "", ("*",)),
        (EVERY_INTERFACE, "https://media.example.com", (*LOOPBACK, "media.example.com")),
        ("127.0.0.1", "https://media.example.com:8443", (*LOOPBACK, "media.example.com")),
    ],
)
def test_hosts_are_those_of_loopback_and_of_the_origin(
    host: str, origin: str, expected: tuple[str, ...]
) -> None:
    assert accepted_hosts(host, origin) == expected


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "http://127.0.0.1:8080"), ("::1", "http://[::1]:8080")],
)
def test_the_message_has_the_address_and_says_that_no_token_exists(host: str, address: str) -> None:
    message = listening_message(host, 8080, local=True)
    assert address in message
    assert "no token exists" in message
    assert "eddyline token create" in message
    assert "token" not in listening_message(host, 8080, local=False)


def test_the_message_of_a_server_for_other_machines_asks_for_https() -> None:
    message = listening_message(EVERY_INTERFACE, 8080, local=False)
    assert "Requests need a token" in message
    assert "https" in message


def test_services_without_a_ledger_are_those_of_the_directory(tmp_path: Path) -> None:
    with open_services(request(tmp_path)) as services:
        assert services.settings.local
        assert services.settings.data == tmp_path / ".eddyline"
        assert services.settings.hosts == LOOPBACK
        assert (tmp_path / ".eddyline" / "ledger.sqlite").is_file()
        services.store.put_bytes("assets/a", b"x")
        assert (tmp_path / "assets" / "a").read_bytes() == b"x"


def test_one_server_uses_a_directory_at_a_time(tmp_path: Path) -> None:
    with open_services(request(tmp_path)):
        with pytest.raises(UsageError, match="is using") as caught, open_services(request(tmp_path)):
            pass
        assert "--out" in caught.value.remedy
    with open_services(request(tmp_path)):
        pass


def test_a_worker_that_a_killed_server_left_is_deregistered(tmp_path: Path) -> None:
    with open_services(request(tmp_path)) as services:
        services.ledger.register("local-1", "host", 1)
    with open_services(request(tmp_path)) as services:
        assert services.ledger.workers() == []


def test_other_machines_need_a_token_to_exist(tmp_path: Path) -> None:
    public = request(tmp_path, host=EVERY_INTERFACE)
    with pytest.raises(UsageError, match="no valid token exists") as caught, open_services(public):
        pass
    assert "eddyline token create" in caught.value.remedy
    with Ledger.open(tmp_path / ".eddyline" / "ledger.sqlite") as ledger:
        Tokens(ledger).create(owner="", scope="admin")
    with open_services(public) as services:
        assert not services.settings.local
        assert services.settings.hosts == ("*",)


def test_with_openid_connect_other_machines_need_no_token_and_no_server_is_local(tmp_path: Path) -> None:
    for host in (EVERY_INTERFACE, "127.0.0.1"):
        with open_services(request(tmp_path, host=host, **OIDC)) as services:
            assert not services.settings.local


def test_invalid_settings_of_openid_connect_are_refused_at_the_start(tmp_path: Path) -> None:
    issuer = {"EDDYLINE_OIDC_ISSUER": OIDC["EDDYLINE_OIDC_ISSUER"]}
    invalid = request(tmp_path, host=EVERY_INTERFACE, **issuer)
    with pytest.raises(UsageError, match="EDDYLINE_OIDC_AUDIENCE is not"), open_services(invalid):
        pass


def test_several_servers_stand_in_front_of_one_shared_ledger(tmp_path: Path, postgres: str) -> None:
    url, store = empty_database(postgres), str(tmp_path / "store")
    (tmp_path / "store").mkdir()
    first, second = (request(tmp_path / name, ledger=url, store=store) for name in ("a", "b"))
    assert not first.is_embedded
    with open_services(first) as one, open_services(second) as other:
        Tokens(one.ledger).create(owner="", scope="read")
        assert Tokens(other.ledger).exist()
        one.store.put_bytes("assets/a", b"x")
        assert other.store.get("assets/a") == b"x"
        assert not (tmp_path / "a" / ".eddyline" / "ledger.sqlite").exists()


def test_a_server_of_a_shared_ledger_starts_no_worker(tmp_path: Path, postgres: str) -> None:
    (tmp_path / "store").mkdir()
    shared = request(
        tmp_path / "a", ledger=empty_database(postgres), store=str(tmp_path / "store"), worker=True
    )
    paths = {"/readyz": 200, "/api/v1/local-worker": 404}
    found, log = answers(shared, paths)
    assert found == paths
    assert "server started" in log
    assert "local worker process started" not in log


def answers(options: ServeRequest, paths: dict[str, int]) -> tuple[dict[str, int], list[str]]:
    """The statuses that a server in this thread answers until a signal ends it, and the events of its log."""
    found: dict[str, int] = {}

    def ask(port: int) -> None:
        try:
            for path in paths:
                found[path] = status(f"http://127.0.0.1:{port}{path}")
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def announce(message: str) -> None:
        match = re.search(r":(\d+)\n", message)
        assert match is not None
        client.extend([threading.Thread(target=ask, args=(int(match[1]),))])
        client[0].start()

    client: list[threading.Thread] = []
    stream = io.StringIO()
    assert serve(options, stream=stream, announce=announce) == signal.SIGTERM
    client[0].join()
    return found, [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=30) as response:  # noqa: S310 - of this machine
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_port_in_use_is_an_error_with_a_remedy_and_unlocks_the_directory(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}") as caught:
            serve(request(tmp_path, port=port), stream=io.StringIO(), announce=pytest.fail)
    assert "--port" in caught.value.remedy
    with open_services(request(tmp_path)):
        pass


@pytest.mark.parametrize("module", ["fastapi", "jinja2"])
def test_without_the_extra_the_command_names_it(tmp_path: Path, module: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None\nfrom eddyline.cli.main import main\nmain()"
    command = [sys.executable, "-c", code, "serve", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert f"requires {module}" in done.stderr
    assert "eddyline[web]" in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr
