"""The Dockerfiles and the compose file are valid, pinned and agree with pools, modules and settings.

Images are not built by the tests: that needs a Docker daemon and its registry.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

import pytest
from tests.infra import dockerfiles
from tests.infra.dockerfiles import IMAGES, NAMES, ROOT

from eddyline import config
from eddyline.fleet.pools import load_pools

PROGRAMS = ROOT / "build" / "infra" / "bin"
VARIABLES = {"S3_USER": "user", "S3_PASSWORD": "secret", "POSTGRES_PASSWORD": "secret"}
WORKERS = ("cpu", "gpu")
TEMPORARY = "/tmp"  # noqa: S108 - of the images


def program(name: str) -> str:
    path = PROGRAMS / name
    if not path.is_file():
        pytest.skip(f"{name} is not installed: `make build/infra/.installed` installs it")
    return str(path)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file with all profiles, as docker-compose resolves it."""
    command = [program("docker-compose"), "-f", str(IMAGES / "compose.yaml")]
    for profile in ("servers", "web", "cpu", "gpu"):
        command += ["--profile", profile]
    done = subprocess.run(
        [*command, "config", "--format", "json", "--no-path-resolution"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **VARIABLES},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_hadolint_finds_nothing(name: str) -> None:
    done = subprocess.run(
        (program("hadolint"), str(IMAGES / name / "Dockerfile")), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_an_image_for_each_pool_and_for_the_services() -> None:
    images = {pool.capacity.image for pool in load_pools(None).pools.values()}
    assert set(NAMES) == {*images, "service"}


def test_the_registry_has_a_repository_for_each_image() -> None:
    text = (ROOT / "infra/terraform/modules/registry/variables.tf").read_text("utf-8")
    default = re.search(r'variable "images".*?default +=( \[.*?\])', text, re.DOTALL)
    assert default is not None
    assert set(json.loads(default[1])) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_image_runs_eddyline_as_a_user_other_than_root_with_a_health_check(name: str) -> None:
    assert dockerfiles.value(name, "USER").value == "10001:10001"
    assert dockerfiles.value(name, "ENTRYPOINT").words == ["eddyline"]
    assert dockerfiles.health_check(name) == ["eddyline", "health"]
    command = ["worker", "--pool", name] if name in WORKERS else ["coordinator"]
    assert dockerfiles.value(name, "CMD").words == command


@pytest.mark.parametrize("name", NAMES)
def test_an_image_writes_only_to_its_volumes(name: str) -> None:
    volumes = dockerfiles.value(name, "VOLUME").words
    environment = dockerfiles.environment(name)
    assert volumes == (["/scratch", TEMPORARY] if name in WORKERS else [TEMPORARY])
    assert environment["EDDYLINE_HEALTH"].startswith(f"{TEMPORARY}/")
    assert environment.get("EDDYLINE_WORK", "/scratch") == "/scratch"
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_of_an_image_exists(name: str) -> None:
    settings = {key for key in dockerfiles.environment(name) if key.startswith("EDDYLINE_")}
    assert settings
    assert settings <= set(config.VARIABLES)


@pytest.mark.parametrize("name", NAMES)
def test_bases_are_pinned_and_equal(name: str) -> None:
    found = dockerfiles.instructions(name)
    bases = [each.value.split()[0] for each in found if each.name == "FROM"]
    assert set(bases) <= {"${PYTHON_IMAGE}", "scratch"}
    (default,) = [each.value for each in found if each.value.startswith("PYTHON_IMAGE=")]
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+\.\d+-slim-bookworm", default)
    assert default in {each.value for each in dockerfiles.instructions("cpu")}


@pytest.mark.parametrize("name", NAMES)
def test_packages_are_installed_with_hashes_only(name: str) -> None:
    calls = [
        call
        for each in dockerfiles.instructions(name)
        if each.name == "RUN"
        for call in each.value.split("&&")
        if "pip install" in call
    ]
    assert all("--require-hashes -r requirements/fleet.txt" in call for call in calls[:1])
    assert all("--require-hashes" in call for call in calls[:-1])
    assert "--no-deps --no-build-isolation" in calls[-1]


@pytest.mark.parametrize("name", NAMES)
def test_only_the_image_of_the_services_has_the_pages(name: str) -> None:
    text = "\n".join(each.value for each in dockerfiles.instructions(name))
    if name == "service":
        assert "-r requirements/web.txt" in text
        assert "hatch_build.py package.json package-lock.json .npmrc" in text
        assert "PYTHONPATH=/opt/node /opt/eddyline/bin/pip install" in text
        assert not [each for each in dockerfiles.final_stage(name) if "/opt/node" in each.value]
    else:
        assert "HATCH_BUILD_NO_HOOKS=true /opt/eddyline/bin/pip install" in text


def test_the_packages_of_the_images_are_those_that_the_tests_use() -> None:
    def versions(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text("utf-8")
        return set(re.findall(r"^([\w.-]+==\S+)", text, re.MULTILINE))

    assert versions("fleet.txt") | versions("web.txt") <= versions("dev.txt") | versions("run.txt")
    needed = {"boto3", "psycopg", "structlog", "prometheus-client", "cryptography"}  # the last one encrypts
    assert needed <= {each.split("==")[0] for each in versions("fleet.txt")}


def test_the_builder_gets_every_file_that_is_copied() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    for name in NAMES:
        for each in dockerfiles.instructions(name):
            if each.name == "COPY" and "--from" not in each.value:
                for source in each.value.split()[:-1]:
                    if source != "${POOLS}":
                        assert any(f"{source}/".startswith(f"{path}/") for path in allowed), source
    assert all(list(ROOT.glob(path)) for path in allowed)


def test_a_gpu_image_needs_nvenc_and_the_driver() -> None:
    text = "\n".join(each.value for each in dockerfiles.instructions("gpu"))
    assert "--encoder h264_nvenc --encoder hevc_nvenc" in text
    assert set(dockerfiles.environment("gpu")["NVIDIA_DRIVER_CAPABILITIES"].split(",")) == {
        "video",
        "compute",
        "utility",
    }
    gpu = load_pools(None).pools["gpu"]
    assert set(gpu.codecs.values()) <= {"h264_nvenc", "hevc_nvenc"}


def test_the_certificates_are_where_the_ledger_url_expects_them() -> None:
    variables = (ROOT / "infra/terraform/modules/ledger/variables.tf").read_text("utf-8")
    (path,) = re.findall(r'default +=( "/usr/local/share/[^"]+")', variables)
    assert any(each.value.endswith(json.loads(path)) for each in dockerfiles.final_stage("service"))


def test_the_compose_file_has_the_processes_of_a_fleet(compose: dict[str, Any]) -> None:
    services = compose["services"]
    servers = {"postgres", "s3", "bucket", "sqs"}
    assert set(services) == {*servers, "coordinator", "web", "worker-cpu", "worker-gpu"}
    assert {name: each["command"] for name, each in services.items() if "eddyline/" in each["image"]} == {
        "coordinator": ["coordinator", "--archive-after", "30"],
        "web": ["serve", "--out", "/uploads", "--host", "0.0.0.0", "--port", "8080"],  # noqa: S104 - of a container
        "worker-cpu": ["worker", "--pool", "cpu"],
        "worker-gpu": ["worker", "--pool", "gpu"],
    }
    for each in services.values():
        assert re.fullmatch(r"[\w./-]+:(\d|RELEASE|local)[\w.-]*", each["image"]), "pinned, never latest"


def test_containers_of_eddyline_are_restricted(compose: dict[str, Any]) -> None:
    for name, each in compose["services"].items():
        if "eddyline/" in each["image"]:
            assert each["read_only"], name
            assert each["user"] == "10001:10001"
            assert each["cap_drop"] == ["ALL"]
            assert each["security_opt"] == ["no-new-privileges:true"]
            assert (ROOT / each["build"]["dockerfile"]).is_file()


def test_only_the_coordinator_and_the_web_application_reach_the_database(compose: dict[str, Any]) -> None:
    settings = {name: each.get("environment", {}) for name, each in compose["services"].items()}
    assert [name for name, each in settings.items() if "EDDYLINE_LEDGER" in each] == [
        "coordinator",
        "web",
    ]
    for name in ("coordinator", "web"):
        assert "@" not in settings[name]["EDDYLINE_LEDGER"], "the password is in PGPASSWORD"
    for each in settings.values():
        assert {key for key in each if key.startswith("EDDYLINE_")} <= set(config.VARIABLES)
    assert "ports" not in compose["services"]["postgres"]


def test_the_web_application_is_published_on_loopback_and_keeps_uploads(compose: dict[str, Any]) -> None:
    web = compose["services"]["web"]
    (port,) = web["ports"]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "8080", 8080)
    (volume,) = web["volumes"]
    assert (volume["type"], volume["target"]) == ("volume", "/uploads")
    # A new volume gets the owner of the directory in the image, and the container runs as that user.
    created = [each.value for each in dockerfiles.final_stage("service") if each.name == "RUN"]
    assert any("install -d -o 10001 -g 10001 -m 0700 /uploads" in each for each in created)


def test_workers_have_time_to_drain(compose: dict[str, Any]) -> None:
    assert compose["services"]["worker-cpu"]["stop_grace_period"] == "2m0s"


def test_every_variable_of_the_compose_file_is_in_the_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", (IMAGES / "compose.yaml").read_text("utf-8")))
    assert used == set(re.findall(r"(?m)^(?:# )?([A-Z0-9_]+)=", (IMAGES / ".env.example").read_text("utf-8")))
