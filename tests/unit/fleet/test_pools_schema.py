"""The committed JSON Schema equals the generated one, and accepts what Eddyline accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from eddyline.fleet.pools import BUILT_IN
from eddyline.fleet.pools_schema import SCHEMA_FILE, schema_text

_EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "pools.yaml"


def _validator() -> Any:
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_committed_schema_is_the_generated_one() -> None:
    assert SCHEMA_FILE.read_text("utf-8") == schema_text(), "run make docs"


@pytest.mark.parametrize("path", [BUILT_IN, _EXAMPLE], ids=["built-in", "example"])
def test_the_schema_accepts_the_files(path: Path) -> None:
    assert not list(_validator().iter_errors(yaml.safe_load(path.read_text("utf-8"))))


def test_editors_find_the_schema_of_the_built_in_file() -> None:
    first = BUILT_IN.read_text("utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA_FILE.name}"
    assert SCHEMA_FILE.parent == BUILT_IN.parent


@pytest.mark.parametrize(
    "path_and_value",
    [
        (("pools", "Big Box"), {}),
        (("pools", "cpu", "cots"), 1),
        (("pools", "cpu", "name"), "cpu"),
        (("pools", "cpu", "kinds"), []),
        (("pools", "cpu", "kinds"), ["chunk", "chunk"]),
        (("pools", "cpu", "arch"), "x86"),
        (("pools", "cpu", "slot", "vcpu"), 0),
        (("pools", "cpu", "capacity", "least"), 1),
        (("pools", "cpu", "capacity", "scaling"), "none"),
        (("pools", "cpu", "capacity", "stop_s"), 111),
        (("pools", "cpu", "capacity", "zones"), ["use1-az1"]),
        (("pools", "cpu", "capacity", "spot", "strategy"), "capacity-optimised"),
        (("pools", "cpu", "capacity", "requirements", "excluded_types"), ["c5 *"]),
        (("pools", "memory", "capacity", "types"), ["r4.4xlarge"]),
        (("pools", "memory", "capacity", "types"), {"r4": 16}),
    ],
)
def test_the_schema_refuses_wrong_keys_and_values(path_and_value: tuple[tuple[str, ...], Any]) -> None:
    path, value = path_and_value
    body: Any = yaml.safe_load(BUILT_IN.read_text("utf-8"))
    section = body
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    assert list(_validator().iter_errors(body))
