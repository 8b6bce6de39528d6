"""Validation of HLS and DASH streams, in directories and on web servers."""

from __future__ import annotations

from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.core.numbers import parse_whole
from eddyline.media.streaming.validation.report import Report
from eddyline.media.streaming.validation.validate import validate_directory, validate_url
from eddyline.store.addresses import WEB_SCHEMES
from eddyline.store.open_source import is_remote

ALL = "all"


def validate_stream(source: str, segments: str) -> Report:
    """Validate the stream at a path or URL; `segments` is how many are opened per playlist, or "all".

    Raises the errors of `validate_directory` and `validate_url`.
    """
    sample = _sample(segments)
    scheme = source.partition("://")[0].lower()
    if not is_remote(source):
        return validate_directory(Path(source), sample)
    if scheme not in WEB_SCHEMES:
        raise UsageError(
            f"{scheme}:// is not supported", remedy="copy the stream to a directory, or pass its https:// URL"
        )
    return validate_url(source, sample)


def _sample(segments: str) -> int | None:
    if segments == ALL:
        return None
    try:
        count = parse_whole(segments)
    except ValueError:
        count = 0
    if not 0 < count <= 1_000_000:  # noqa: PLR2004 - segments of the longest playlist
        raise UsageError(
            f"--segments {segments[:20]!r} is not a number of segments", remedy='pass 20, or "all"'
        )
    return count
