"""The page about pools lists every key, and its examples are valid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from eddyline.fleet.pools import Capacity, JobLimits, Pool, Pools, Slot
from eddyline.media.ladder.encoders import ENCODERS
from eddyline.media.ladder.profile import RungSettings

_TEXT = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "pools.md").read_text("utf-8")


def _rows(heading: str) -> dict[str, str]:
    """Maps the first to the last cell of each row of the table with this first heading."""
    table = re.search(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", _TEXT, re.MULTILINE)
    assert table is not None, heading
    cells = [line.strip("| \n").split(" | ") for line in table[1].splitlines()]
    return {row[0].strip("`"): row[-1].strip("` ") for row in cells}


@pytest.mark.parametrize(
    ("model", "heading"),
    [
        (Pool, "key"),
        (Slot, "key of `slot`"),
        (JobLimits, "key of `limits`"),
        (Capacity, "key of `capacity`"),
    ],
)
def test_every_key_is_on_the_page_with_its_default(model: type[BaseModel], heading: str) -> None:
    rows = _rows(heading)
    fields = {name: field for name, field in model.model_fields.items() if name != "name"}
    assert list(rows) == list(fields)
    for name, field in fields.items():
        assert (rows[name] == "required") == field.is_required(), name
        if isinstance(field.default, int | float | str) and field.default:
            assert rows[name] == f"{field.default:g}" if not isinstance(field.default, str) else field.default
        if model is JobLimits and field.default is None:
            assert rows[name] == "null"


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
        scale = "CQ" if row.hardware else "CRF"
        expected.append(
            f"| `{row.name}` | {row.codec} | {row.presets[0]} to {row.presets[-1]} "
            f"| {scale} {row.quality[0]}-{row.quality[1]} | {row.min_side}-{row.max_side} |"
        )
    assert table[1].strip().splitlines()[2:] == expected
