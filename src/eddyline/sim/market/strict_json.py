"""Reads JSON files of markets and traces: bounded, without duplicate keys, NaN or infinite numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from eddyline.core.errors import UsageError

MAX_SIZE = 32 * 1024 * 1024
"""Bytes of a file."""
MAX_LISTS = 1_100_000
"""Lists and objects of a file: each takes memory, also an empty one."""
MAX_COMMAS = 8_000_000
REMEDY = "see docs/reference/spot-market-format.md"


def wrong_file(path: Path | str, problem: str) -> UsageError:
    """The error of a file that is not what is expected."""
    return UsageError(f"{str(path)[:300]}: {problem[:300]}", remedy=REMEDY)


def read_bounded(path: Path) -> bytes:
    """The contents of a file; raises `UsageError` if it cannot be read or is larger than `MAX_SIZE`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise UsageError(
            f"{str(path)[:300]}: {error.strerror or error}", remedy="pass the path of a readable file"
        ) from error
    if len(data) > MAX_SIZE:
        raise wrong_file(path, f"larger than {MAX_SIZE // 1024 // 1024} MiB")
    return data


def parse_json(data: bytes, path: Path | str) -> Any:  # noqa: ANN401 - any JSON value, checked by the parsers
    """The value in `data`; raises `UsageError` that names `path`.

    The brackets and commas are counted first: they bound the number of values before any is allocated.
    """
    if data.count(b"[") + data.count(b"{") > MAX_LISTS or data.count(b",") > MAX_COMMAS:
        raise wrong_file(path, f"more than {MAX_LISTS:,} lists and objects, or {MAX_COMMAS:,} values")
    try:
        return json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_unique_keys, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:  # ValueError: also UnicodeDecodeError and huge integers
        problem = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:150]
        raise wrong_file(path, f"not valid JSON: {problem}") from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1) if len(names) < 1000 else ""  # noqa: PLR2004
        raise ValueError(f"the key {twice[:40]!a} occurs twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")
