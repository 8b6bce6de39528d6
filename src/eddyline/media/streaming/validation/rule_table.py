"""All rules of the validator, and their table for the documentation."""

from __future__ import annotations

from eddyline.media.streaming.validation.rule import Rule
from eddyline.media.streaming.validation.rules import (
    adaptation_set_rules,
    bit_rate_rules,
    codec_rules,
    iframe_rules,
    ladder_rules,
    media_rules,
    mpd_rules,
    multivariant_rules,
    playlist_rules,
    presentation_rules,
    protection_rules,
    rendition_rules,
    sample_entry_rules,
    segment_rules,
    segment_template_rules,
)

# Of each part: its title in the documentation.
PARTS: tuple[tuple[str, tuple[Rule, ...]], ...] = (
    ("Every playlist", playlist_rules.RULES),
    ("Media playlists", media_rules.RULES),
    ("Multivariant playlists", multivariant_rules.RULES),
    ("Renditions: audio, subtitles, captions", rendition_rules.RULES),
    ("The ladder of variants", ladder_rules.RULES),
    ("Codecs", codec_rules.RULES),
    ("I-frame playlists", iframe_rules.RULES),
    ("All playlists together", presentation_rules.RULES),
    ("The MPD", mpd_rules.RULES),
    ("Adaptation sets and representations", adaptation_set_rules.RULES),
    ("Segment templates and timelines", segment_template_rules.RULES),
    ("Encryption", protection_rules.RULES),
    ("Measured: segments", segment_rules.RULES),
    ("Measured: bit rates", bit_rate_rules.RULES),
    ("Measured: initialization segments", sample_entry_rules.RULES),
)
RULES: tuple[Rule, ...] = tuple(rule for _, rules in PARTS for rule in rules)


def markdown_table() -> str:
    """The table of all rules."""
    return "\n".join(_section(title, rules) for title, rules in PARTS)


def _section(title: str, rules: tuple[Rule, ...]) -> str:
    rows = "".join(
        f"| `{rule.id}` | {rule.level} | {rule.requirement} | {rule.remedy} | {rule.source} |\n"
        for rule in rules
    )
    head = "| rule | level | requirement | remedy | source |\n|---|---|---|---|---|\n"
    return f"### {title}\n\n{head}{rows}"
