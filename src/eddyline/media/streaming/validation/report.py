"""The report of a validation: the findings of all rules, most important first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from eddyline.media.streaming.validation.rule import Finding, Level, Rule, finding
from eddyline.media.streaming.validation.rule_table import RULES
from eddyline.media.streaming.validation.stream_model import Stream

MAX_FINDINGS = 100  # of one rule


@dataclass(frozen=True, kw_only=True)
class Report:
    """The findings, MUST first. `rules` were checked in `files` files, `segments` segments were opened.

    `notes` are sentences about what was not checked.
    """

    findings: tuple[Finding, ...]
    rules: int
    files: int
    segments: int
    notes: tuple[str, ...] = ()

    @property
    def violated(self) -> tuple[Finding, ...]:
        """The findings of MUST rules."""
        return tuple(each for each in self.findings if each.rule.level is Level.MUST)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "valid": not self.violated,
            "rules": self.rules,
            "files": self.files,
            "segments": self.segments,
            "notes": list(self.notes),
            "findings": [each.to_json() for each in self.findings],
        }


def check_rules(stream: Stream, rules: Iterable[Rule] = RULES) -> tuple[Finding, ...]:
    """The findings of the rules in a stream, those of MUST rules first."""
    ordered = sorted(rules, key=lambda rule: rule.level is not Level.MUST)
    return tuple(
        finding(rule, violation) for rule in ordered for violation in islice(rule.check(stream), MAX_FINDINGS)
    )
