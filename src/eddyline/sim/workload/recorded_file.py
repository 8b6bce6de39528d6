"""Files of recorded arrivals, in JSON lines (.jsonl) or CSV (.csv): one asset a line.

Keys (columns): `at_s`, then either `chunks` (the run times of its chunks on a reference slot in seconds; in
CSV separated by spaces) or `minutes` (of its source), and optionally `owner`, `codec` and `priority`. Lines
need no order. Files are read line by line; nothing in them is trusted.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import orjson
from pydantic import Field, ValidationError, model_validator

from eddyline.core.atomic_output import atomic_output
from eddyline.core.errors import UsageError
from eddyline.core.settings_file import Section
from eddyline.sim.workload.asset_arrival import AssetArrival

COLUMNS = ("at_s", "owner", "codec", "priority", "minutes", "chunks")
MAX_CHUNKS_PER_ASSET = 20_000
_MAX_LINE = 1024 * 1024
_MAX_ASSETS = 20_000_000
_REMEDY = "see docs/reference/scenarios.md for the format of recorded arrivals"
_Seconds = Annotated[float, Field(gt=0, le=864_000, allow_inf_nan=False)]


class RecordedAsset(Section):
    """One line of a file. `codec` and `owner` are free text; `priority`: lower goes first."""

    at_s: float = Field(ge=0, le=1e9, allow_inf_nan=False)
    owner: str = Field(default="", max_length=200)
    codec: str = Field(default="", max_length=100)
    priority: int = Field(default=0, ge=0, le=9999)
    minutes: float | None = Field(default=None, gt=0, le=6000, allow_inf_nan=False)
    chunks: tuple[_Seconds, ...] | None = Field(
        default=None, min_length=1, max_length=MAX_CHUNKS_PER_ASSET, strict=False
    )

    @model_validator(mode="after")
    def _has_work(self) -> RecordedAsset:
        if (self.minutes is None) == (self.chunks is None):
            raise ValueError("either minutes or chunks is required")
        return self


def read_recorded(path: Path) -> Iterator[RecordedAsset]:
    """The assets of a file in the order of its lines; raises `UsageError` with the line of an error."""
    if path.suffix not in {".jsonl", ".csv"}:
        raise UsageError(f"{path}: recorded arrivals are .jsonl or .csv files", remedy=_REMEDY)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = _csv_rows(path, file) if path.suffix == ".csv" else _json_rows(path, file)
            for count, (line, row, strict) in enumerate(rows):
                if count >= _MAX_ASSETS:
                    raise UsageError(f"{path}: more than {_MAX_ASSETS} assets", remedy="split the file")
                yield _asset(path, line, row, strict=strict)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}", remedy="pass a readable file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text", remedy=_REMEDY) from error


def write_recorded(path: Path, assets: Iterable[AssetArrival]) -> int:
    """Write arrivals as JSON lines that `read_recorded` reads; returns their number.

    The file appears complete, or not at all. Raises `UsageError` for a name without `.jsonl`.
    """
    if path.suffix != ".jsonl":
        raise UsageError(f"{path}: recorded arrivals are written to .jsonl files", remedy="choose one")
    count = 0
    with atomic_output(path) as made, made.file.open("wb") as file:
        for each in assets:
            row = {
                "at_s": each.at,
                "owner": each.owner,
                "codec": each.codec,
                "priority": each.priority,
                "chunks": each.chunks,
            }
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    return count


def _asset(path: Path, line: int, row: Any, *, strict: bool) -> RecordedAsset:  # noqa: ANN401 - JSON
    try:
        # None: as the model says, which takes a list for `chunks`.
        return RecordedAsset.model_validate(row, strict=None if strict else False)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        raise UsageError(
            f"{path}:{line}: {key[:60]}{': ' if key else ''}{message.removeprefix('Value error, ')}",
            remedy=_REMEDY,
        ) from error


def _lines(path: Path, file: IO[str]) -> Iterator[tuple[int, str]]:
    """The lines with their numbers from 1; raises `UsageError` for one that is too long."""
    number = 0
    while text := file.readline(_MAX_LINE + 1):
        number += 1
        if len(text) > _MAX_LINE:
            raise UsageError(f"{path}:{number}: longer than {_MAX_LINE} characters", remedy=_REMEDY)
        yield number, text


def _json_rows(path: Path, file: IO[str]) -> Iterator[tuple[int, Any, bool]]:
    for number, text in _lines(path, file):
        if text.isspace():
            continue
        try:
            row = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise UsageError(f"{path}:{number}: not JSON: {error.msg[:100]}", remedy=_REMEDY) from error
        yield number, row, True


def _csv_rows(path: Path, file: IO[str]) -> Iterator[tuple[int, Any, bool]]:
    """The rows as mappings; empty cells are left out, and texts are converted when they are validated."""
    reader = csv.reader((text for _, text in _lines(path, file)), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        unknown = sorted(set(header) - set(COLUMNS))
        if unknown or len(set(header)) < len(header) or "at_s" not in header:
            raise UsageError(
                f"{path}:1: the columns are {', '.join(header)[:200] or 'missing'}; "
                f"known are {', '.join(COLUMNS)}, each once, and at_s is required",
                remedy=_REMEDY,
            )
        for cells in reader:
            if len(cells) > len(header):
                raise UsageError(
                    f"{path}:{reader.line_num}: more cells than the header has columns", remedy=_REMEDY
                )
            row: dict[str, Any] = {
                name: cell.strip() for name, cell in zip(header, cells, strict=False) if cell.strip()
            }
            if "chunks" in row:
                row["chunks"] = row["chunks"].split()
            if row:
                yield reader.line_num, row, False
    except csv.Error as error:
        raise UsageError(f"{path}:{reader.line_num}: not CSV: {error}", remedy=_REMEDY) from error
