"""The forms that names from outside must have before they become part of a path, a key or a query.

Messages, manifests, receipts and plans are written by other processes. A name in them is checked against one
of these patterns where it is parsed; nothing else of their text is used as a path.
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
_LONGEST_KEY = 900
_ASSET = re.compile(r"[0-9a-f]{16}")


def is_identifier(text: object) -> bool:
    """Whether this names a job, an asset, a kind of job or a worker class: letters, digits, `.`, `_`, `-`."""
    return isinstance(text, str) and _IDENTIFIER.fullmatch(text) is not None


def is_worker_name(text: object) -> bool:
    """Whether this names a worker (`cpu@ip-10-0-0-7:4242-a1b2c3`): an identifier with `@`, `:` and `+`."""
    return isinstance(text, str) and _WORKER.fullmatch(text) is not None


def is_plain_path(text: object) -> bool:
    """Whether this is a relative path of one to eight plain names, such as `stream/720p/init.mp4`."""
    return isinstance(text, str) and _PLAIN_PATH.fullmatch(text) is not None


def is_key(text: object) -> bool:
    """Whether this is a key of a media store as Eddyline makes them, such as `.eddyline/parts/ab/c-0001`."""
    return isinstance(text, str) and len(text) <= _LONGEST_KEY and _KEY.fullmatch(text) is not None


def is_asset(text: object) -> bool:
    """Whether this is the id of an asset of the pipeline: 16 hexadecimal digits of a digest."""
    return isinstance(text, str) and _ASSET.fullmatch(text) is not None


def remove_child(folder: Path, child: Path) -> None:
    """Remove `child` and all below it; it must lie directly in `folder`. What is gone already is fine.

    Raises `UsageError`, and removes nothing, for any other path.
    """
    if child.parent != folder or child.name in {"", ".", ".."} or child == folder:
        raise UsageError(
            f"{child} does not lie directly in {folder}, so it is not removed",
            remedy="report it: only folders of jobs may be removed from the scratch directory",
        )
    files.remove_tree(child)
