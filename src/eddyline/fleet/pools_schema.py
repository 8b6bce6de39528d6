"""The JSON Schema of `pools.yaml`, generated from its models: editors check and complete the file with it.

It has the keys, types and bounds. The rules between keys (such as `requirements` or `types`) are checked only
when Eddyline reads the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eddyline.fleet.pools import POOL_NAME, Pools

SCHEMA_FILE = Path(__file__).parent / "pools.schema.json"
"""The committed schema, beside the built-in pools file."""


def schema_text() -> str:
    """The schema as it is committed: indented JSON."""
    return json.dumps(_schema(), indent=2, ensure_ascii=False) + "\n"


def _schema() -> dict[str, Any]:
    generated = Pools.model_json_schema()
    pool = generated["$defs"]["Pool"]
    # The name of a pool is its key, which the reader copies into the model.
    del pool["properties"]["name"]
    pool["required"].remove("name")
    generated["properties"]["pools"]["propertyNames"] = {"pattern": POOL_NAME}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_cleaned(generated)}


def _cleaned(node: Any) -> Any:  # noqa: ANN401 - JSON
    """The same schema without pydantic's titles, which repeat the keys, and with closed mappings."""
    if isinstance(node, list):
        return [_cleaned(each) for each in node]
    if not isinstance(node, dict):
        return node
    # A mapping under "title" is a property of this name.
    kept = {key: _cleaned(value) for key, value in node.items() if key != "title" or isinstance(value, dict)}
    return {**kept, "additionalProperties": False} if "patternProperties" in kept else kept
