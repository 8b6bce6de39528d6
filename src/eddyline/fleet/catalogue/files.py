"""Reads a JSON file of a catalogue, plain or compressed with gzip, with bounds on its size."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import orjson

from eddyline.core.errors import UsageError

MAX_SIZE = 64 * 1024 * 1024
"""Bytes of a file, and of its contents after decompression."""
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's code for a gzip header


def read_json(path: Path) -> Any:  # noqa: ANN401 - any JSON value, checked by the parsers
    """The contents of a file; raises `UsageError` unless it is JSON of at most `MAX_SIZE` bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror or error}", remedy="pass the path of a readable JSON file"
        ) from error
    if data.startswith(_GZIP):
        data = _decompressed(path, data)
    if len(data) > MAX_SIZE:
        raise wrong_file(path, f"larger than {MAX_SIZE // 1024 // 1024} MiB")
    try:
        return orjson.loads(data)
    except ValueError as error:
        raise wrong_file(path, f"not JSON: {str(error)[:100]}") from error


def _decompressed(path: Path, data: bytes) -> bytes:
    decompressor = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = decompressor.decompress(data, MAX_SIZE + 1)
    except zlib.error as error:
        raise wrong_file(path, f"not gzip: {error}") from error
    if not decompressor.eof and len(plain) <= MAX_SIZE:
        raise wrong_file(path, "the gzip data ends early")
    return plain


def wrong_file(path: Path | str, problem: str) -> UsageError:
    """The error of a file that is not what its option expects."""
    return UsageError(
        f"{str(path)[:300]}: {problem[:300]}", remedy="pass a file in the format of docs/how-to/fleet-plan.md"
    )
