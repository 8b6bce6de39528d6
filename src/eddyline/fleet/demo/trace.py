"""Replays a recorded trace of Spot interruptions: lines `milliseconds,add|remove,node`.

A removed node was interrupted: the traces record only reclaims. Nodes that were never removed still run at
the end of the trace.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.fleet.demo.history import NOTICE_S, History, Life

MAX_LINES = 1_000_000
_LONGEST_MS = 366 * 86_400_000
_NODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FIELDS = 3


@dataclass(frozen=True, kw_only=True)
class TraceEvent:
    """At `at` seconds after the start of the trace, a node was added or removed."""

    at: float
    added: bool
    node: str


def read_trace(path: Path) -> list[TraceEvent]:
    """The events of a trace, in order. Raises `UsageError` that names the line."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return parse_trace(csv.reader(file), str(path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read: {error}", remedy="pass the file of a trace") from error


def parse_trace(lines: Iterable[list[str]], name: str) -> list[TraceEvent]:
    """The events in the lines of a CSV file. Raises `UsageError` that names the line."""
    events: list[TraceEvent] = []
    running: set[str] = set()
    for number, line in enumerate(lines, 1):
        wrong = _problem(line, number, events, running)
        if wrong:
            raise UsageError(f"{name}, line {number}: {wrong}", remedy="pass lines such as 480000,add,node1")
        event = TraceEvent(at=int(line[0]) / 1000, added=line[1] == "add", node=line[2])
        (running.add if event.added else running.remove)(event.node)
        events.append(event)
    if not events:
        raise UsageError(f"{name} is empty", remedy="pass the file of a trace")
    return events


def _problem(line: list[str], number: int, events: list[TraceEvent], running: set[str]) -> str:
    if number > MAX_LINES:
        return f"a trace has at most {MAX_LINES:,} lines"
    if len(line) != _FIELDS or not re.fullmatch(r"[0-9]{1,12}", line[0]) or int(line[0]) > _LONGEST_MS:
        return "expected milliseconds,add|remove,node"
    at, action, node = int(line[0]) / 1000, line[1], line[2]
    if action not in {"add", "remove"} or not _NODE.fullmatch(node):
        return "expected milliseconds,add|remove,node"
    if events and at < events[-1].at:
        return "the time is earlier than that of the line before"
    if (action == "add") is (node in running):
        return f"{node} is added twice" if action == "add" else f"{node} is removed but does not run"
    return ""


def duration_s(events: list[TraceEvent]) -> float:
    """The seconds from the start of the trace to its last event."""
    return events[-1].at


def replay(
    events: list[TraceEvent],
    *,
    start: float,
    instance_type: str,
    pool: str,
    vcpu: int | None,
    zone: str,
) -> History:
    """The machines of a trace that started at `start` (seconds since 1970), with their notices."""
    lives: list[Life] = []
    running: dict[str, int] = {}
    for event in events:
        if event.added:
            running[event.node] = len(lives)
            lives.append(
                Life(
                    instance=_instance(event, len(lives)),
                    pool=pool,
                    instance_type=instance_type,
                    zone=zone,
                    vcpu=vcpu,
                    spot=True,
                    launched=start + event.at,
                )
            )
            continue
        place = running.pop(event.node)
        life, end = lives[place], start + event.at
        lives[place] = replace(
            life,
            terminated=end,
            ended_by="interruption",
            warned=max(end - NOTICE_S, life.launched),
        )
    return History(lives=lives)


def _instance(event: TraceEvent, number: int) -> str:
    """An instance id that is the same in each replay."""
    return "i-" + hashlib.sha256(f"{event.node}/{event.at}/{number}".encode()).hexdigest()[:17]
