"""The conditions of a rule on a file or object: key, size, content type and user metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from eddyline.core import settings_file
from eddyline.ingest.key_patterns import KeyPattern


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A new file or object as the rules see it. `at` in seconds since 1970; files have no bucket.

    `key` is relative to the bucket or folder; `metadata` is the user metadata, with lower-case names.
    """

    key: str
    size: int
    at: float
    bucket: str = ""
    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


def _parse_pattern(given: object) -> KeyPattern:
    if not isinstance(given, str):
        raise ValueError("a pattern must be a text")  # noqa: TRY004 - pydantic expects ValueError
    return KeyPattern(given)


def _parse_extensions(given: object) -> object:
    items = [given] if isinstance(given, str) else given
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("must be an extension or a list of extensions")
    return frozenset(item.lower().lstrip(".") for item in items)


_Pattern = Annotated[KeyPattern, PlainValidator(_parse_pattern)]
_Extensions = Annotated[
    frozenset[str], BeforeValidator(_parse_extensions), Field(min_length=1, max_length=64)
]
_Size = Annotated[int, Field(ge=0, le=2**50)]


class Section(settings_file.Section):
    """A section of a rules file."""

    model_config = ConfigDict(arbitrary_types_allowed=True)


class Conditions(Section):
    """The conditions of a rule, all of which must hold. Sizes in bytes; patterns as in `KeyPattern`."""

    bucket: _Pattern | None = None
    prefix: str = ""
    key: _Pattern | None = None
    extension: _Extensions | None = None
    content_type: _Pattern | None = None
    metadata: dict[str, _Pattern] = Field(default_factory=dict, max_length=32)
    at_least: _Size = 0
    at_most: _Size | None = None

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        if self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least ({self.at_least}) is more than at_most ({self.at_most})")
        return self

    def match(self, arrival: Arrival) -> tuple[str, ...] | None:
        """The texts that the stars of `key` match, if all conditions hold; else None."""
        found = self.key.match(arrival.key) if self.key else ()
        return found if found is not None and self._holds(arrival) else None

    def _holds(self, arrival: Arrival) -> bool:
        return (
            arrival.key.startswith(self.prefix)
            and arrival.size >= self.at_least
            and (self.at_most is None or arrival.size <= self.at_most)
            and (self.extension is None or _extension(arrival.key) in self.extension)
            and (self.bucket is None or self.bucket.match(arrival.bucket) is not None)
            and (self.content_type is None or self.content_type.match(arrival.content_type) is not None)
            and all(
                name.lower() in arrival.metadata and pattern.match(arrival.metadata[name.lower()]) is not None
                for name, pattern in self.metadata.items()
            )
        )


def _extension(key: str) -> str:
    return PurePosixPath(key).suffix.lower().removeprefix(".")
