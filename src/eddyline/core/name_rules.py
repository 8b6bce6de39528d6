"""Validates external names before they become part of a path, a key or a query.

Other processes write messages, manifests, receipts and plans. The parser checks each name in them against one
of these patterns; no other text of theirs is used as a path.
"""

from __future__ import annotations

import re
from pathlib import Path

from eddyline.core import files
from eddyline.core.errors import UsageError

_IDENTIFIER = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,299}")
_WORKER = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._@:+-]{0,249}")
_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}"
_PLAIN_PATH = re.compile(rf"(?!.*\.\.){_SEGMENT}(/{_SEGMENT}){{0,7}}")
_KEY = re.compile(r"(?!.*\.\.)\.?[A-Za-z0-9][A-Za-z0-9._-]*(/\.?[A-Za-z0-9][A-Za-z0-9._-]*)*")
_MAX_KEY_LENGTH = 900
_ASSET = re.compile(r"[0-9a-f]{16}")


def is_identifier(text: object) -> bool:
    """Whether this is an identifier of a job, asset, job kind or pool: letters, digits, `.`, `_`, `-`."""
    return isinstance(text, str) and _IDENTIFIER.fullmatch(text) is not None


def is_worker_name(text: object) -> bool:
    """Whether this is a worker name (`cpu@ip-10-0-0-7:4242-a1b2c3`): may also contain `@`, `:` and `+`."""
    return isinstance(text, str) and _WORKER.fullmatch(text) is not None


def is_plain_path(text: object) -> bool:
    """Whether this is a relative path of one to eight plain names, such as `stream/720p/init.mp4`."""
    return isinstance(text, str) and _PLAIN_PATH.fullmatch(text) is not None


def is_key(text: object) -> bool:
    """Whether this is a key as Eddyline generates them, such as `.eddyline/parts/ab/c-0001`."""
    return isinstance(text, str) and len(text) <= _MAX_KEY_LENGTH and _KEY.fullmatch(text) is not None


def is_asset(text: object) -> bool:
    """Whether this is an asset id: 16 hexadecimal digits of a digest."""
    return isinstance(text, str) and _ASSET.fullmatch(text) is not None


def remove_child(folder: Path, child: Path) -> None:
    """Remove `child` recursively, if it exists; it must be directly in `folder`.

    Raises `UsageError`, and removes nothing, for any other path.
    """
    if child.parent != folder or child.name in {"", ".", ".."} or child == folder:
        raise UsageError(
            f"{child} is not directly in {folder} and is not removed",
            remedy="report a bug: only job directories may be removed from the scratch directory",
        )
    files.remove_tree(child)
