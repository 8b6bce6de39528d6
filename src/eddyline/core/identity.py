"""Names derived from content, so that the same work always gets the same name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

# Created once: creating an encoder takes as long as encoding a short text.
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Canonical JSON, one spelling per value: sorted keys, no spaces, UTF-8, no NaN."""
    return _JSON.encode(value).encode()


def digest(*parts: Any) -> str:  # noqa: ANN401 - any JSON values
    """SHA-256 (hex) of the canonical JSON of all parts; equal parts have equal digests in every process."""
    return hashlib.sha256(canonical(list(parts))).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 (hex) of a whole local file, read in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
