"""The command lines of the images, the compose file and the task definitions, run as processes.

Paths of the images are replaced by directories of the test; the servers are real ones on loopback.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.acceptance.machines import Machines, end
from tests.infra import dockerfiles
from tests.infra.dockerfiles import ROOT
from tests.infra.plans import read_plans
from tests.servers.ministack import Ministack
from tests.unit.graph.postgres_server import NoServerError, Server
from tests.waiting import wait_until

from eddyline.core.health import WITHIN_S, find_problem

pytestmark = pytest.mark.slow

EDDYLINE = Path(sys.executable).with_name("eddyline")


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    try:
        with Server() as server:
            yield server
    except NoServerError as error:
        pytest.skip(str(error))


@pytest.fixture
def machines(tmp_path: Path, ministack: Ministack, database: Server) -> Iterator[Machines]:
    """Runs commands with the settings of the compose file; addresses and paths are those of the test."""
    shared = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": ministack.url,
        "AWS_ENDPOINT_URL_SQS": ministack.url,
        "EDDYLINE_STORE": f"s3://{ministack.bucket()}/eddyline",
        "EDDYLINE_QUEUES": f"images-{tmp_path.name[-20:].replace('_', '-').lower()}",
        "EDDYLINE_HEALTH": str(tmp_path / "health.json"),
        # As in the task definitions: the URL has no user and no password.
        "EDDYLINE_LEDGER": f"postgresql:///postgres?host={database.folder}",
        "PGUSER": "postgres",
        "PGPASSWORD": "a password",
    }
    with Machines(command=(str(EDDYLINE),), folder=tmp_path, shared=shared) as running:
        yield running


def compose_service(service: str) -> dict[str, Any]:
    text = (dockerfiles.IMAGES / "compose.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)["services"][service]
    return found


def compose_command(service: str) -> list[str]:
    command: list[str] = compose_service(service)["command"]
    return command


def has_problem(machines: Machines, within_s: float = WITHIN_S) -> bool:
    """What the health check finds, without starting a process."""
    return bool(find_problem(Path(machines.shared["EDDYLINE_HEALTH"]), now=time.time(), within_s=within_s))


def is_healthy(machines: Machines, *options: str) -> bool:
    """What the command of the health check returns."""
    done = subprocess.run(
        [*machines.command, *dockerfiles.health_check("cpu")[1:], *options],
        env={"PATH": "/usr/bin:/bin", "EDDYLINE_HEALTH": machines.shared["EDDYLINE_HEALTH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.returncode == 0


def check_process(
    machines: Machines, command: list[str], *, freeze: bool = False, **environment: str
) -> None:
    """Start a process; it becomes healthy, is unhealthy while it is frozen, and ends on SIGTERM with 0."""
    assert has_problem(machines), "before the start"
    process = machines.start("process", *command, **environment)
    wait_until(lambda: not has_problem(machines) or process.poll() is not None, timeout_s=90)
    assert process.poll() is None, machines.logs()
    assert is_healthy(machines)
    if freeze:
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: has_problem(machines, within_s=15), timeout_s=90)
        assert not is_healthy(machines, "--within", "15")
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: not has_problem(machines, within_s=15), timeout_s=60)
    code, _ = end(process, signal.SIGTERM, within_s=60)
    assert code == 0, machines.logs()


def test_a_coordinator_starts_with_user_and_password_in_variables(machines: Machines) -> None:
    command = compose_command("coordinator")
    assert command[:1] == dockerfiles.value("service", "CMD").words
    check_process(machines, command, freeze=True)


def test_the_web_application_starts_once_a_token_exists(machines: Machines, tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    command = [str(uploads) if part == "/uploads" else part for part in compose_command("web")]
    command[command.index("--port") + 1] = "0"  # the test does not own the port 8080
    environment = {"EDDYLINE_ORIGIN": "http://localhost:8080", "EDDYLINE_PROXIES": ""}  # the defaults
    assert machines.start("refused", *command, **environment).wait(timeout=60) == 2
    assert "eddyline token create" in machines.logs()

    secret = machines.run("token", "create", "--scope", "admin").strip()
    process = machines.start("web", *command, **environment)

    def started() -> list[dict[str, Any]]:
        return [each for each in machines.lines("web") if each["event"] == "server started"]

    wait_until(lambda: started() or process.poll() is not None, timeout_s=90)
    assert started(), machines.logs()
    port = started()[0]["port"]
    check = [
        part.replace(":8080/", f":{port}/") for part in compose_service("web")["healthcheck"]["test"][1:]
    ]
    subprocess.run([sys.executable, *check[1:]], check=True, timeout=60)

    def status(path: str, **headers: str) -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - of this machine
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    assert status("/readyz") == 200, "the ledger and the store answer"
    assert status("/api/v1/assets") == 401
    assert status("/api/v1/assets", Authorization=f"Bearer {secret}") == 200
    assert status("/api/v1/local-worker", Authorization=f"Bearer {secret}") == 404, "workers are elsewhere"
    code, _ = end(process, signal.SIGTERM, within_s=60)
    assert code == 0, machines.logs()


def test_a_worker_starts_with_the_settings_of_its_image(machines: Machines, tmp_path: Path) -> None:
    directory = tmp_path / "ffmpeg"
    subprocess.run(
        (sys.executable, "-m", "infra.docker.install_ffmpeg", str(directory)), cwd=ROOT, check=True
    )
    replaced = {
        "EDDYLINE_FFMPEG": str(directory / "bin" / "ffmpeg"),
        "EDDYLINE_POOLS": str(ROOT / "src/eddyline/fleet/pools.yaml"),
        "EDDYLINE_WORK": str(tmp_path / "scratch"),
        "EDDYLINE_HEALTH": machines.shared["EDDYLINE_HEALTH"],
        # Workers of a fleet with queues have no access to the ledger.
        "EDDYLINE_LEDGER": "",
    }
    settings = {key for key in dockerfiles.environment("cpu") if key.startswith("EDDYLINE_")}
    assert settings <= set(replaced)
    command = dockerfiles.value("cpu", "CMD").words
    assert command == compose_command("worker-cpu")
    check_process(machines, command, freeze=True, **replaced)


def test_the_services_of_terraform_start(
    machines: Machines, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The command lines of the planned task definitions."""
    commands = read_plans(tmp_path_factory, "service")["containers"].outputs["commands"]["after"]
    assert set(commands) == {"coordinator", "ingest"}
    for name, command in commands.items():
        check_process(machines, command)
        shutil.move(machines.folder / "process.log", machines.folder / f"{name}-ended.log")
        Path(machines.shared["EDDYLINE_HEALTH"]).unlink(missing_ok=True)


def test_a_wrong_password_ends_a_coordinator(machines: Machines, database: Server) -> None:
    """RDS rotates the password: a process with the old one exits, and ECS starts one with the new one."""
    import psycopg

    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("CREATE ROLE rotated LOGIN PASSWORD 'new' ")
    rules = database.folder / "data" / "pg_hba.conf"
    rules.write_text("local all rotated scram-sha-256\n" + rules.read_text("utf-8"), "utf-8")
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")
    process = machines.start("process", "coordinator", PGUSER="rotated", PGPASSWORD="old")
    assert process.wait(timeout=60) != 0
    assert "password authentication failed" in machines.logs()
