"""The page about pools lists every key, and its examples are valid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from docs import pool_keys

from eddyline.fleet.capacity import Capacity, OnDemand, Requirements, Scratch, Spot
from eddyline.fleet.pools import JobLimits, Pool, Pools, Slot, load_pools
from eddyline.media.ladder.encoders import ENCODERS
from eddyline.media.ladder.profile import RungSettings

_TEXT = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "pools.md").read_text("utf-8")


def test_every_key_has_a_description() -> None:
    models = {model for _, model in pool_keys.SECTIONS}
    assert models == {Pool, Slot, JobLimits, Capacity, Requirements, Spot, OnDemand, Scratch}
    for model in models:
        for name, field in model.model_fields.items():
            assert field.description or name == "name", f"{model.__name__}.{name}"


def test_the_tables_have_every_key_with_its_default() -> None:
    tables = pool_keys.markdown_tables()
    for _, model in pool_keys.SECTIONS:
        assert all(f"| `{name}` | " in tables for name in model.model_fields if name != "name")
    assert "| `hook_s` | seconds that running jobs have when a machine is scaled in | `900` |" in tables
    assert "| `predictive` | predictive scaling from earlier days | `false` |" in tables
    assert "| `kinds` | kinds of jobs it runs; at least one | required |" in tables


def test_the_page_lists_the_built_in_pools() -> None:
    listed = re.search(r"## Built-in pools\n.*?\n\n", _TEXT, re.DOTALL)
    assert listed is not None
    assert re.findall(r"^\| `([a-z-]+)` \|", listed[0], re.MULTILINE) == list(load_pools().pools)


def _examples() -> list[Any]:
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", _TEXT, re.DOTALL)]


def test_every_example_on_the_pools_page_is_valid() -> None:
    pools, profile = _examples()
    assert set(Pools.model_validate(pools).pools) == {"light", "cpu"}
    assert RungSettings.model_validate(profile["rungs"][0]).encoder == "h264_nvenc"


def test_every_encoder_is_on_the_page_with_its_properties() -> None:
    table = re.search(r"<!-- encoders.*?-->\n(.*?)<!-- /encoders", _TEXT, re.DOTALL)
    assert table is not None
    expected = []
    for row in ENCODERS.values():
        scale = "CQ" if row.name.endswith("_nvenc") else "QVBR" if row.hardware else "CRF"
        expected.append(
            f"| `{row.name}` | {row.codec} | {row.presets[0]} to {row.presets[-1]} "
            f"| {scale} {row.quality[0]}-{row.quality[1]} | {row.min_side}-{row.max_side} |"
        )
    assert table[1].strip().splitlines()[2:] == expected
