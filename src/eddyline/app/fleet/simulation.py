"""Reads the figures of a simulation, which `eddyline simulate --report DIR` writes to DIR/simulation.json."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from eddyline.core.errors import UsageError
from eddyline.core.formatting import printable

FILE_NAME = "simulation.json"
FIGURES = (
    "cost_usd",
    "saved_own",
    "saved_best",
    "saved_published",
    "spot_share",
    "redone_share",
    "interruptions_per_hour",
    "p50_s",
    "p99_s",
)
"""The figures of a policy that the fleet page and the API show, where the file has them."""

_MAX_SIZE = 8 * 1024 * 1024
_MAX_POLICIES = 50
_REMEDY = "write it with `eddyline simulate SCENARIO.yaml --report DIR`, or unset EDDYLINE_SIMULATION"
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Text = Annotated[str, Field(max_length=200)]


class _Part(BaseModel):
    """Keys that are not known belong to other readers of the file, and are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class SimulatedInterval(_Part):
    """The mean of a figure over the seeds, and its 95 % interval."""

    mean: _Number
    low: _Number
    high: _Number

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.low <= self.mean <= self.high:
            raise ValueError("the mean is not between low and high")
        return self


class SimulatedPolicy(_Part):
    """The figures of a policy by their name; None: the simulation has no such figure."""

    name: _Text
    label: _Text = ""
    figures: Mapping[str, SimulatedInterval | None]

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, given: Any) -> Any:  # noqa: ANN401 - any JSON value
        if not isinstance(given, dict):
            return given
        return {**given, "figures": {name: given.get(name) for name in FIGURES}}


class Simulation(_Part):
    """A simulation: its policies, each tuned for the same `deadline`. `created`: ISO 8601, or ""."""

    format: Literal["eddyline-simulation"]
    version: Literal[1]
    name: _Text
    created: Annotated[str, Field(max_length=60)] = ""
    deadline: Annotated[str, Field(max_length=60)] = ""
    policies: Annotated[tuple[SimulatedPolicy, ...], Field(max_length=_MAX_POLICIES, strict=False)]


def read_simulation(path: Path) -> Simulation:
    """The simulation of a file; raises `UsageError` for one that cannot be read or has another format."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_SIZE + 1)
    except OSError as error:
        raise UsageError(f"{printable(path)}: {error.strerror or error}", remedy=_REMEDY) from error
    if len(text) > _MAX_SIZE:
        raise UsageError(f"{printable(path)}: larger than {_MAX_SIZE // 1024 // 1024} MiB", remedy=_REMEDY)
    try:
        return Simulation.model_validate(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{printable(path)}: not JSON: {str(error)[:100]}", remedy=_REMEDY) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))[:100] or "the file"
        raise UsageError(
            f"{printable(path)}: {printable(key)}: {printable(first['msg'])[:200]}", remedy=_REMEDY
        ) from error


class SimulationFile:
    """A file that may be replaced while a server runs: read again when it changes. Safe from any thread."""

    def __init__(self, path: Path, *, required: bool) -> None:
        self.path = path
        self._required = required
        self._lock = threading.Lock()
        self._kept: tuple[tuple[int, int], Simulation] | None = None

    def read(self) -> Simulation | None:
        """The simulation; None without a file, unless it is required. Raises `UsageError`."""
        try:
            status = self.path.stat()
        except OSError:
            return read_simulation(self.path) if self._required else None
        key = status.st_mtime_ns, status.st_size
        with self._lock:
            if self._kept is None or self._kept[0] != key:
                self._kept = key, read_simulation(self.path)
            return self._kept[1]
