"""What a rule asks of a file or object: by its key, size and type, and by what its uploader said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from eddyline.ingest.key_patterns import KeyPattern


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A file or object as rules see it. `at` in seconds since 1970; a folder's files have no bucket.

    `key` is relative to the bucket or folder; `metadata` what its uploader said of it, by small names.
    """

    key: str
    size: int
    at: float
    bucket: str = ""
    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


def _glob(given: object) -> KeyPattern:
    if not isinstance(given, str):
        raise ValueError("a pattern is a text")  # noqa: TRY004 - pydantic's way to refuse
    return KeyPattern(given)


def _extensions(given: object) -> object:
    words = [given] if isinstance(given, str) else given
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("an extension, or a list of them")
    return frozenset(word.lower().lstrip(".") for word in words)


_Pattern = Annotated[KeyPattern, PlainValidator(_glob)]
_Extensions = Annotated[frozenset[str], BeforeValidator(_extensions), Field(min_length=1, max_length=64)]
_Size = Annotated[int, Field(ge=0, le=2**50)]


class Section(BaseModel):
    """A part of a rules file: no key but those that are known, no value but of its own kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


class Conditions(Section):
    """What a rule asks for, all of it at once. Sizes in bytes; patterns as `globs.Glob` reads them."""

    bucket: _Pattern | None = None
    prefix: str = ""
    key: _Pattern | None = None
    extension: _Extensions | None = None
    content_type: _Pattern | None = None
    metadata: dict[str, _Pattern] = Field(default_factory=dict, max_length=32)
    at_least: _Size = 0
    at_most: _Size | None = None

    @model_validator(mode="after")
    def _has_an_order(self) -> Self:
        if self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least ({self.at_least}) is more than at_most ({self.at_most})")
        return self

    def match(self, arrived: Arrival) -> tuple[str, ...] | None:
        """What the stars of `key` stand for, if all conditions hold; else None."""
        found = self.key.match(arrived.key) if self.key else ()
        return found if found is not None and self._holds(arrived) else None

    def _holds(self, arrived: Arrival) -> bool:
        return (
            arrived.key.startswith(self.prefix)
            and arrived.size >= self.at_least
            and (self.at_most is None or arrived.size <= self.at_most)
            and (self.extension is None or _extension(arrived.key) in self.extension)
            and (self.bucket is None or self.bucket.match(arrived.bucket) is not None)
            and (self.content_type is None or self.content_type.match(arrived.content_type) is not None)
            and all(
                name.lower() in arrived.metadata and pattern.match(arrived.metadata[name.lower()]) is not None
                for name, pattern in self.metadata.items()
            )
        )


def _extension(key: str) -> str:
    return PurePosixPath(key).suffix.lower().removeprefix(".")
