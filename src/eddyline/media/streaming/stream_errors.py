"""The error of an invalid packaged stream."""

from __future__ import annotations

from eddyline.core.errors import ProofError


def require_stream(holds: bool, name: str, problem: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise `ProofError` with the `problem` of the file or track `name` unless `holds`."""
    if not holds:
        raise ProofError(f"the packaged stream is invalid: {name}: {problem}")
