"""Reads a settings file in plain YAML, and describes its errors with file, line and key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from yaml.composer import Composer

from eddyline.core.errors import UsageError

_MAX_FILE_SIZE = 256 * 1024
_MAX_SHOWN_ERRORS = 5
# Parts that pydantic adds to a location: "[key]" for the key of a mapping, and the branches of a union.
_PYDANTIC_PARTS = ("[", "constrained-", "literal[", "function-")
_Key = tuple[int | str, ...]
_Model = TypeVar("_Model", bound=BaseModel)


class Section(BaseModel):
    """A section of a settings file: unknown keys and values of another type are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class KeyedValueError(ValueError):
    """A validator's error about a key below the validated section: `key` is the path to it."""

    def __init__(self, key: _Key, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, kw_only=True)
class SettingsFile:
    """The contents of a settings file, and the lines of its keys.

    Messages begin with `label` and the path ("profile "); `remedy` is that of all errors.
    """

    path: Path
    value: Any
    label: str
    remedy: str
    _root: yaml.Node | None

    def validate(self, model: type[_Model], value: Any = None) -> _Model:  # noqa: ANN401 - any YAML value
        """The contents, or `value` instead, as `model`; raises `UsageError` with file, line and key."""
        try:
            return model.model_validate(self.value if value is None else value)
        except ValidationError as error:
            raise UsageError(
                f"{self.label}{self.path}:{self._describe(error)}", remedy=self.remedy
            ) from error

    def line_of(self, key: _Key) -> int:
        """The line of a key, from 1; of a key that is not in the file, that of the section it belongs to."""
        return _line_of(self._root, key)

    def _describe(self, error: ValidationError) -> str:
        """The first errors as text: "12: pools.cpu.slot.vcpu: what is allowed; line 30: ..."."""
        found = error.errors()
        keys = [_key(each) for each in found]
        texts = [
            f"{self.line_of(key)}: {_shown(key)}: {_message(each)}"
            for key, each in zip(keys, found, strict=True)
        ]
        more = len(texts) - _MAX_SHOWN_ERRORS
        return "; line ".join(texts[:_MAX_SHOWN_ERRORS]) + (f"; and {more} more" if more > 0 else "")


def read_settings(path: Path, *, remedy: str, label: str = "") -> SettingsFile:
    """Read a file; raises `UsageError` with this remedy unless it is plain YAML."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE_SIZE + 1)
        if len(text) > _MAX_FILE_SIZE:
            raise UsageError(f"{label}{path}: larger than {_MAX_FILE_SIZE // 1024} KiB", remedy=remedy)
        root, value = _parse(text)
    except OSError as error:
        raise UsageError(
            f"{label}{path}: {error.strerror or error}", remedy="pass the path of a readable YAML file"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{label}{path}{_line_and_problem(error)}", remedy=remedy) from error
    return SettingsFile(path=path, value=value, label=label, remedy=remedy, _root=root)


def _parse(text: bytes) -> tuple[yaml.Node | None, Any]:
    loader = _PlainLoader(text)
    try:
        root = loader.get_single_node()
        return root, None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


def _line_and_problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    return f"{f':{mark.line + 1}' if mark else ''}: not YAML: {problem[:200]}"


if yaml.__with_libyaml__:

    class _Loader(Composer, yaml.CSafeLoader):
        """The parser of libyaml, which is ten times faster than that in Python, with PyYAML's composer.

        The composer of libyaml has no limit of nesting.
        """

        def __init__(self, stream: bytes) -> None:
            yaml.CSafeLoader.__init__(self, stream)
            Composer.__init__(self)

else:  # PyYAML was built without libyaml
    _Loader = yaml.SafeLoader  # type: ignore[misc, assignment]


class _PlainLoader(_Loader):
    """YAML without aliases (a few lines of them expand to gigabytes) and without duplicate keys."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401 - PyYAML's
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="aliases (*name) are not supported: repeat the value, or quote a word that begins "
                "with a star",
                problem_mark=self._next_event().start_mark,
            )
        return super().compose_node(parent, index)

    def _next_event(self) -> Any:  # noqa: ANN401 - the marks of libyaml have another type
        return self.peek_event()

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        names: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in names:
                raise yaml.MarkedYAMLError(
                    problem=f"duplicate key {str(key.value)[:60]!r}", problem_mark=key.start_mark
                )
            names.add(str(key.value))
        return super().construct_mapping(node, deep)


def _line_of(root: yaml.Node | None, key: _Key) -> int:
    """The line of the deepest part of `key` that exists."""
    line = root.start_mark.line if root else 0
    node = root
    for part in key:
        found = _child(node, part)
        if found is None:
            break
        marked, node = found
        line = marked.start_mark.line
    return int(line) + 1


def _child(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """The node that marks the line of a key or item, and the node of its value."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if str(key.value) == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _key(each: Any) -> _Key:  # noqa: ANN401 - pydantic's ErrorDetails
    own = tuple(part for part in each["loc"] if isinstance(part, int) or not part.startswith(_PYDANTIC_PARTS))
    cause = each.get("ctx", {}).get("error")
    return own + cause.key if isinstance(cause, KeyedValueError) else own


def _shown(key: _Key) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
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
