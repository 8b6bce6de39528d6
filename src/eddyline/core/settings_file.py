"""Reading a settings file: plain YAML, and what is wrong with it in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from eddyline.core.errors import UsageError

_LARGEST_FILE = 256 * 1024
# pydantic adds "[key]" for a mapping's key, and the names of a union's branches: no keys of the file.
_NO_KEYS = ("[", "constrained-", "literal[", "function-")


def parse_settings(path: Path, *, remedy: str, called: str = "") -> Any:  # noqa: ANN401 - whatever YAML holds, to be checked by a model
    """What a file holds; raises `UsageError` with this remedy for one that is not plain YAML.

    `called` is what messages say before the path ("profile ").
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_FILE + 1)
        if len(text) > _LARGEST_FILE:
            raise UsageError(f"{called}{path}: larger than {_LARGEST_FILE // 1024} KiB", remedy=remedy)
        return yaml.load(text, _PlainLoader)  # noqa: S506 - a safe loader that refuses more
    except OSError as error:
        raise UsageError(
            f"{called}{path}: {error.strerror or error}", remedy="give the path of a readable YAML file"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{called}{path}: not YAML: {' '.join(str(error).split())[:200]}", remedy=remedy
        ) from error


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases (a few lines of them make gigabytes) and without the same key twice."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401 - PyYAML's
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read here: write it out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        names = [str(key.value) for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.YAMLError(f"the key {name!r} twice, near line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


def describe_errors(error: ValidationError) -> str:
    """Every complaint as "pools.cpu.slot.vcpu: what is allowed"."""
    return "; ".join(f"{_place(each['loc'])}: {_complaint(each)}" for each in error.errors()[:5])


def _place(location: tuple[int | str, ...]) -> str:
    words = [part for part in location if isinstance(part, int) or not part.startswith(_NO_KEYS)]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in words)
    return text.lstrip(".") or "the whole file"


def _complaint(each: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    said = str(each["msg"]).removeprefix("Value error, ")
    if each["type"] == "extra_forbidden":
        return "no such key"
    if each["type"] in {"model_type", "dict_type", "model_attributes_type"}:
        said = "keys with values are wanted"
    if each["type"] in {"missing", "value_error", "too_short", "too_long"}:
        return said
    if each["input"] is None:
        return f"{said}, and there is nothing"
    return f"{said}, not {str(each['input'])[:60]!r}"
