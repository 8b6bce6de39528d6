"""The rules as a part of the proof: what a stream that Eddyline packaged must follow, and what is listed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any, Final

from eddyline.core.errors import ProofError
from eddyline.media.streaming.validation.report import Report
from eddyline.media.streaming.validation.rule import Finding

# MUST rules that the source or the profile may violate, and why. A violation is listed in the manifest.
SOURCE_DEPENDENT: Final[Mapping[str, str]] = {
    "APPLE-9.9": "the source is too small for several rungs, or the profile has one rung",
    "APPLE-1.24": "the profile has HDR rungs only",
    "APPLE-6.16": "the profile has HDR rungs only",
    "APPLE-1.3b": "the profile encodes H.264 in the size of the source",
    "APPLE-1.6b": "the profile encodes HEVC in the size of the source",
    "APPLE-1.37": "the profile encodes AV1 in the size of the source",
    "APPLE-1.19": "the frame rate is that of the source",
    "APPLE-8.3": "the audio of the source is shorter or longer than its video",
    "TIMING-9.2.1": "the audio of the source is shorter than its video",
}

# The same for a stream whose segments are encrypted as a whole.
WITH_ENCRYPTED_SEGMENTS: Final[Mapping[str, str]] = {
    **SOURCE_DEPENDENT,
    "APPLE-6.1": "the profile encrypts whole segments (aes-128), of which I-frames cannot be parts",
}


def require_valid(report: Report, accepted: Mapping[str, str] = SOURCE_DEPENDENT) -> None:
    """Raise `ProofError` with the first violation of a MUST whose rule is not `accepted`."""
    for each in report.violated:
        if each.rule.id not in accepted:
            raise ProofError(
                f"the packaged stream violates {each.rule.id} ({each.rule.source}): {each.rule.requirement}"
                f" {_sentence(each)}"
            )


def authoring_summary(report: Report, accepted: Mapping[str, str] = SOURCE_DEPENDENT) -> dict[str, Any]:
    """The report as in the manifest: each violated rule with the number of its findings and the first one."""
    groups = [list(group) for _, group in groupby(report.findings, key=lambda each: each.rule.id)]
    return {"rules": report.rules, "violated": [_violated(found, accepted) for found in groups]}


def _violated(found: list[Finding], accepted: Mapping[str, str]) -> dict[str, Any]:
    rule = found[0].rule
    reason = accepted.get(rule.id)
    return {
        "rule": rule.id,
        "level": str(rule.level),
        "requirement": rule.requirement,
        "count": len(found),
        "example": _sentence(found[0]),
        **({"reason": reason} if reason else {}),
    }


def _sentence(each: Finding) -> str:
    return f"{each.file}, {each.place}: {each.actual}; required: {each.required}"
