"""The settings that come from the environment: read once, checked whole.

Each is documented in docs/reference/settings.md (a test checks that).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eddyline.core.errors import UsageError

_MOST = 1000  # of anything that is counted here


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Programs to use in place of the wheels' own (None: the wheel's), and what machines share.

    `store` is the media store's address, `ledger` a path or a `postgresql://` address, `queues` the prefix of
    the queues' names on SQS. `pools` is a file of worker classes (None: the built-in ones), `work` a folder
    for scratch space on this machine. `allow_http`: an endpoint without TLS may be another machine.

    `poison_after`: so many times in a row may a job's worker vanish before the job is held to be the reason.
    `dead_after`: so often may a message be received before it is a dead letter. `sweep_stale_s`: a job that
    was published so long ago, and of which a queue too short shows no trace, is published again.
    """

    ffmpeg: Path | None = None
    ffprobe: Path | None = None
    packager: Path | None = None
    store: str | None = None
    ledger: str | None = None
    queues: str | None = None
    pools: Path | None = None
    work: Path | None = None
    allow_http: bool = False
    poison_after: int | None = None
    dead_after: int = 10
    sweep_stale_s: float = 120.0


def _path(name: str, value: str) -> Path:  # noqa: ARG001 - all readers are called alike
    return Path(value)


def _text(name: str, value: str) -> str:  # noqa: ARG001 - likewise
    return value


def _yes(name: str, value: str) -> bool:
    if value not in {"0", "1"}:
        raise UsageError(f"{name} is {value!r}", remedy="set it to 1 (yes) or 0 (no)")
    return value == "1"


def _count(name: str, value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) <= _MOST:
        raise UsageError(f"{name} is {value!r}", remedy=f"set it to a whole number from 1 to {_MOST}")
    return int(value)


# A new setting is a new row: its variable, the field, and who reads the text.
_ROWS: dict[str, tuple[str, Callable[[str, str], Path | str | bool | int]]] = {
    "EDDYLINE_FFMPEG": ("ffmpeg", _path),
    "EDDYLINE_FFPROBE": ("ffprobe", _path),
    "EDDYLINE_PACKAGER": ("packager", _path),
    "EDDYLINE_STORE": ("store", _text),
    "EDDYLINE_LEDGER": ("ledger", _text),
    "EDDYLINE_QUEUES": ("queues", _text),
    "EDDYLINE_POOLS": ("pools", _path),
    "EDDYLINE_WORK": ("work", _path),
    "EDDYLINE_ALLOW_HTTP": ("allow_http", _yes),
    "EDDYLINE_POISON_AFTER": ("poison_after", _count),
    "EDDYLINE_DEAD_AFTER": ("dead_after", _count),
    "EDDYLINE_SWEEP_STALE_S": ("sweep_stale_s", _count),
}
VARIABLES = tuple(_ROWS)
# Names that are not settings of the program: the tests' own.
_FOREIGN = frozenset({"EDDYLINE_SAMPLES"})


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises `UsageError` for a variable that Eddyline does not know."""
    environment = os.environ if environment is None else environment
    ours = {name: value for name, value in environment.items() if name.startswith("EDDYLINE_")}
    unknown = sorted(set(ours) - set(VARIABLES) - _FOREIGN)
    if unknown:
        raise UsageError(f"{unknown[0]} is not a setting", remedy=f"known are {', '.join(sorted(VARIABLES))}")
    found: dict[str, Any] = {}
    for name, (field, reader) in _ROWS.items():
        if ours.get(name):
            found[field] = reader(name, ours[name])
    return Settings(**found)
