"""No pools file and no catalogue file makes Eddyline fail with anything but a usage error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.fleet.catalogue.records import record

from eddyline.core.errors import UsageError
from eddyline.fleet.catalogue.instance_types import InstanceType, parse_instance_types
from eddyline.fleet.catalogue.prices import read_on_demand_prices, read_spot_advice
from eddyline.fleet.catalogue.throughput import read_throughput
from eddyline.fleet.pools import BUILT_IN, load_pools

_SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.sampled_from(
        ["c5.large", "us-east-1", "Linux", "spot_advisor", "ffmpeg", "fps", "cpu", "threads", "s", "r"]
    ),
)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["c5.large", "spot_advisor", "us-east-1", "Linux", "ffmpeg", "cpu"])
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
_BUILT_IN = yaml.safe_load(BUILT_IN.read_text("utf-8"))


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every key and item of a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, inner in items for path in _paths(inner, (*at, key)))]


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = _replaced(value[path[0]], path[1:], new)
    return changed


def _refusal(call: Callable[[], object]) -> UsageError | None:
    try:
        call()
    except UsageError as error:
        return error
    return None


@_SETTINGS
@given(path=st.sampled_from(_paths(_BUILT_IN)), value=_JSON)
def test_a_pools_file_with_a_replaced_value_is_valid_or_a_usage_error_with_its_line(
    tmp_path: Path, path: tuple[Any, ...], value: Any
) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text(yaml.safe_dump(_replaced(_BUILT_IN, path, value), sort_keys=False), "utf-8")
    error = _refusal(lambda: load_pools(file))
    assert error is None or (re.match(rf"{re.escape(str(file))}:\d+: ", error.message) and error.remedy)


@_SETTINGS
@given(text=st.binary(max_size=300))
def test_any_text_as_a_pools_file_is_a_usage_error(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "pools.yaml"
    file.write_bytes(text)
    error = _refusal(lambda: load_pools(file))
    assert error is not None
    assert str(file) in error.message


@_SETTINGS
@given(plain=_JSON)
def test_any_json_as_a_catalogue_is_valid_or_a_usage_error(tmp_path: Path, plain: Any) -> None:
    file = tmp_path / "figures.json"
    file.write_text(json.dumps(plain), "utf-8")
    for call in (
        lambda: read_on_demand_prices(file),
        lambda: read_spot_advice(file, "us-east-1"),
        lambda: read_throughput(file),
        lambda: parse_instance_types(plain, source="figures.json"),
    ):
        error = _refusal(call)
        assert error is None or "figures.json" in error.message


@_SETTINGS
@given(path=st.sampled_from(_paths(record("c5.large"))[1:]), value=_JSON)
def test_a_record_with_a_replaced_value_is_valid_or_a_usage_error(path: tuple[Any, ...], value: Any) -> None:
    changed = _replaced(record("c5.large"), path, value)
    found: dict[str, InstanceType] = {}
    error = _refusal(lambda: found.update(parse_instance_types([changed], source="types.json")))
    assert error is None or error.message.startswith("types.json: record 0: ")
    assert all(each.vcpu >= 1 and each.memory_mib >= 1 for each in found.values())
