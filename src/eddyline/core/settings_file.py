"""Reads a settings file in plain YAML and describes its errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from eddyline.core.errors import UsageError

_MAX_FILE_SIZE = 256 * 1024
# Parts that pydantic adds to a location: "[key]" for the key of a mapping, and the branches of a union.
_PYDANTIC_PARTS = ("[", "constrained-", "literal[", "function-")


def parse_settings(path: Path, *, remedy: str, label: str = "") -> Any:  # noqa: ANN401 - any YAML value, validated by a model later
    """The contents of a file; raises `UsageError` with this remedy unless it is plain YAML.

    Messages begin with `label` and the path ("profile ").
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE_SIZE + 1)
        if len(text) > _MAX_FILE_SIZE:
            raise UsageError(f"{label}{path}: larger than {_MAX_FILE_SIZE // 1024} KiB", remedy=remedy)
        return yaml.load(text, _PlainLoader)  # noqa: S506 - a restricted safe loader
    except OSError as error:
        raise UsageError(
            f"{label}{path}: {error.strerror or error}", remedy="pass the path of a readable YAML file"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{label}{path}: not YAML: {' '.join(str(error).split())[:200]}", remedy=remedy
        ) from error


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases (a few lines of them expand to gigabytes) and without duplicate keys."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401 - PyYAML's
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not supported: repeat the value")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        names = [str(key.value) for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.YAMLError(f"duplicate key {name!r} near line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


def describe_errors(error: ValidationError) -> str:
    """All errors as text: "pools.cpu.slot.vcpu: what is allowed"."""
    return "; ".join(f"{_location(each['loc'])}: {_message(each)}" for each in error.errors()[:5])


def _location(location: tuple[int | str, ...]) -> str:
    parts = [part for part in location if isinstance(part, int) or not part.startswith(_PYDANTIC_PARTS)]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.lstrip(".") or "the file"


def _message(each: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    message = str(each["msg"]).removeprefix("Value error, ")
    if each["type"] == "extra_forbidden":
        return "unknown key"
    if each["type"] in {"model_type", "dict_type", "model_attributes_type"}:
        message = "a mapping of keys to values is required"
    if each["type"] in {"missing", "value_error", "too_short", "too_long"}:
        return message
    if each["input"] is None:
        return f"{message}, but the value is empty"
    return f"{message}, not {str(each['input'])[:60]!r}"
