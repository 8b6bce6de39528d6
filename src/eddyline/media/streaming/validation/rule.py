"""A rule of HLS or DASH authoring, and what its check reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eddyline.core.formatting import printable_line
from eddyline.media.streaming.validation.stream_model import Stream

_MAX_TEXT = 200  # characters of a value of the stream in a finding

# The documents, by the prefix of a rule's id.
SOURCES = {
    "RFC8216": "RFC 8216, section {}",
    "BIS": "draft-pantos-hls-rfc8216bis-16, section {}",
    "APPLE": "HLS Authoring Specification for Apple Devices (2025-06-26), item {}",
    "DASH": "ISO/IEC 23009-1:2022, section {}",
    "IOP": "DASH-IF Interoperability Points 4.3, section {}",
    "TIMING": "DASH-IF restricted timing model, section {}",
    "SECURITY": "DASH-IF content protection and security (2024-10-24), section {}",
    "CMAF": "ISO/IEC 23000-19:2024, section {}",
    "HLSJS": "hls.js, issue {}",
    "LIMIT": "limits of this validator: {}",
}


class Level(StrEnum):
    """Requirement levels of RFC 2119; "shall" of ISO documents is MUST."""

    MUST = "MUST"
    SHOULD = "SHOULD"


@dataclass(frozen=True, kw_only=True)
class Violation:
    """What a check found: the file, the place in it (a line, an attribute), the actual and required value."""

    file: str
    place: str
    actual: str
    required: str = ""


Check = Callable[[Stream], Iterable[Violation]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One requirement: `source` is the document and its section, `requirement` a sentence."""

    id: str
    level: Level
    source: str
    requirement: str
    remedy: str
    check: Check


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A violation of a rule."""

    rule: Rule
    file: str
    place: str
    actual: str
    required: str

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return {
            "rule": self.rule.id,
            "level": str(self.rule.level),
            "source": self.rule.source,
            "requirement": self.rule.requirement,
            "file": self.file,
            "place": self.place,
            "actual": self.actual,
            "required": self.required,
            "remedy": self.rule.remedy,
        }


def must(identifier: str, requirement: str, remedy: str, check: Check) -> Rule:
    """A row of a table: a MUST. The id is "PREFIX-section" with an optional word after a colon."""
    return _row(Level.MUST, identifier, requirement, remedy, check)


def should(identifier: str, requirement: str, remedy: str, check: Check) -> Rule:
    """A row of a table: a SHOULD."""
    return _row(Level.SHOULD, identifier, requirement, remedy, check)


def _row(level: Level, identifier: str, requirement: str, remedy: str, check: Check) -> Rule:
    prefix, _, section = identifier.partition("-")
    source = SOURCES[prefix].format(section.partition(":")[0])
    return Rule(
        id=identifier, level=level, source=source, requirement=requirement, remedy=remedy, check=check
    )


def finding(rule: Rule, violation: Violation) -> Finding:
    """The finding of a violation; its texts, which may be those of a hostile stream, are made printable."""
    return Finding(
        rule=rule,
        file=_short(violation.file),
        place=_short(violation.place),
        actual=_short(violation.actual),
        required=_short(violation.required),
    )


def _short(text: str) -> str:
    return printable_line(text, _MAX_TEXT)
