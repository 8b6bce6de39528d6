"""The zip file of the Lambda functions: its modules, its size, equal bytes, and that it runs by itself."""

from __future__ import annotations

import ast
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.unit.aws.lambdas.test_settings import ENVIRONMENT
from tests.unit.fleet.events import recorded_events as recorded

import eddyline
from eddyline.aws import lambda_package
from eddyline.core.errors import UsageError

SOURCES = Path(eddyline.__file__).parents[1]
# Imports the handlers in a process that has nothing but the zip file's content, and prints what was loaded.
IMPORT = """
import json, sys
before = set(sys.modules)
import eddyline.aws.lambdas.general_drain
import eddyline.aws.lambdas.spot_drain
import eddyline.aws.lambdas.spot_metrics
print(json.dumps(sorted(set(sys.modules) - before)))
"""
# Invokes each handler with events that need no call of AWS.
INVOKE = """
import json, sys
from eddyline.aws.lambdas import general_drain, spot_drain, spot_metrics
for event in json.load(sys.stdin):
    for module in (general_drain, spot_drain, spot_metrics):
        assert module.handler(event, None) == {"batchItemFailures": []}, event
print("boto3" in sys.modules, [name for name in sys.modules if name in ("pydantic", "yaml", "numpy")])
"""
# Creates the clients with the boto3 that the Lambda runtime would contain.
CLIENTS = """
from eddyline.aws.lambdas.clients import shared_clients
found = shared_clients()
for client in (found.ecs, found.autoscaling, found.ec2, found.sqs):
    print(client.meta.service_model.service_name)
"""
_VENDOR = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    with zipfile.ZipFile(io.BytesIO(lambda_package.build_package())) as found:
        found.extractall(folder)
    return folder


def _run(code: str, *paths: Path, given: str = "", **environ: str) -> str:
    """The output of code in a process without site-packages, with `paths` as the only further ones."""
    start = f"import sys; sys.path[:0] = {[str(path) for path in paths]!r}; sys.dont_write_bytecode = True\n"
    process = subprocess.run(
        [sys.executable, "-I", "-S", "-c", start + code],
        input=given,
        capture_output=True,
        text=True,
        env=environ,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_the_file_contains_the_named_modules_and_nothing_else() -> None:
    with zipfile.ZipFile(io.BytesIO(lambda_package.build_package())) as package:
        names = package.namelist()
        modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in names}
        assert modules == set(lambda_package.MODULES)
        assert names == sorted(names) or len(set(names)) == len(names)
        for entry in package.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.external_attr >> 16 == 0o644
            ast.parse(package.read(entry), feature_version=(3, 11))


def test_the_file_is_at_most_100_kb() -> None:
    assert len(lambda_package.build_package()) <= 100_000


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    copy = tmp_path / "sources"
    shutil.copytree(SOURCES / "eddyline", copy / "eddyline", ignore=shutil.ignore_patterns("__pycache__"))
    for path in copy.rglob("*.py"):
        path.chmod(0o600)
    assert lambda_package.build_package(copy) == lambda_package.build_package()


def test_a_new_import_is_refused_until_it_is_listed(tmp_path: Path) -> None:
    copy = tmp_path / "sources"
    shutil.copytree(SOURCES / "eddyline", copy / "eddyline", ignore=shutil.ignore_patterns("__pycache__"))
    emf = copy / "eddyline/aws/lambdas/emf.py"
    original = emf.read_text("utf-8")
    emf.write_text(original + "\n\ndef late():\n    from eddyline.core import clock\n", "utf-8")
    with pytest.raises(UsageError, match=r"eddyline\.core\.clock"):
        lambda_package.build_package(copy)
    emf.write_text(original + "\nimport yaml\n", "utf-8")
    with pytest.raises(UsageError, match="yaml"):
        lambda_package.build_package(copy)


def test_the_handlers_import_the_standard_library_and_the_named_modules_only(package: Path) -> None:
    loaded = json.loads(_run(IMPORT, package))
    own = {name for name in loaded if name.partition(".")[0] == "eddyline"}
    assert own == set(lambda_package.MODULES)
    others = {name.partition(".")[0] for name in loaded} - {"eddyline"}
    assert others <= set(sys.stdlib_module_names)


def test_foreign_events_are_handled_without_boto3(package: Path) -> None:
    """Events of other fleets and test notifications cost neither its import nor a call."""
    events = [
        {"Event": "autoscaling:TEST_NOTIFICATION"},
        recorded.lifecycle(group="another-group"),
        recorded.group_activity("Launch Successful", group="another-group"),
        {"source": "aws.s3", "detail-type": "Object Created"},
    ]
    assert _run(INVOKE, package, given=json.dumps(events), **ENVIRONMENT).strip() == "False []"


def test_the_clients_are_created_with_boto3_alone(package: Path, tmp_path: Path) -> None:
    import boto3

    site = Path(boto3.__file__).parents[1]
    for name in _VENDOR:
        (tmp_path / name).symlink_to(site / name)
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "eu-central-1"}
    assert _run(CLIENTS, package, tmp_path, **keys).split() == ["ecs", "autoscaling", "ec2", "sqs"]


def test_the_command_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "build" / "lambdas.zip"
    assert lambda_package.main([str(path)]) == 0
    assert path.read_bytes() == lambda_package.build_package()
    assert "modules" in capsys.readouterr().out
    assert lambda_package.main([]) == 2
