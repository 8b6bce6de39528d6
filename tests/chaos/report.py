"""The results of a chaos test as a Markdown table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.disturbances import Kind, Mode
from tests.chaos.processes import ProcessExit, ProcessState
from tests.servers.network import Fault


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One chaos test. Times in seconds; `submissions`: (killed, refused, repeated); `uploads`: incomplete.

    `lost`: running jobs that were orphaned or handed back. `slot_seconds`: (counted, lost).
    `interrupted`: instances that Spot took.
    `ignored`: late and duplicate reports of workers. `untidy`: assets that got parts after their publication.
    """

    mode: Mode
    seed: int
    cores: int
    sources: int
    undisturbed_s: float
    faults_s: float
    settled_s: float
    assets: int
    published: int
    disturbances: Mapping[Kind, int]
    missed: int
    network: Mapping[Fault, int]
    store_proxy: Mapping[Fault, int]
    submissions: tuple[int, int, int]
    exits: tuple[ProcessExit, ...]
    redone: Mapping[str, float]
    slot_seconds: tuple[float, float]
    lost: int
    ignored: int
    untidy: int
    uploads: int
    interrupted: int = 0
    violations: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all requirements were met."""
        return not self.violations


def table(figures: Figures) -> str:
    """The chaos test as a Markdown table."""
    return "\n".join(["| item | value |", "|---|---|", *(f"| {a} | {b} |" for a, b in _lines(figures))])


def _lines(figures: Figures) -> list[tuple[str, str]]:
    redone, (counted_s, lost_s) = figures.redone, figures.slot_seconds
    again = redone["starts"] - redone["jobs"]
    frames_again = redone["frames_started"] - redone["frames"]
    killed, refused, repeated = figures.submissions
    lines = [
        ("mode", str(figures.mode)),
        ("seed", str(figures.seed)),
        (
            "duration, s (of that after the last disturbance)",
            f"{figures.faults_s:.0f} ({figures.settled_s:.0f})",
        ),
        ("assets complete", f"{figures.published} of {figures.assets}"),
        ("jobs done", f"{redone['jobs']:.0f}"),
        *((f"{kind}", str(count)) for kind, count in sorted(figures.disturbances.items())),
    ]
    if figures.mode is Mode.SQS:
        lines += _requests("the queue", figures.network)
        lines.append(("late or duplicate reports ignored", str(figures.ignored)))
    lines += _requests("S3", figures.store_proxy)
    lines += [
        ("submissions killed / refused / repeated", f"{killed} / {refused} / {repeated}"),
        ("instances interrupted", str(figures.interrupted)),
        ("running jobs orphaned or handed back", str(figures.lost)),
        ("starts beyond the first", f"{again:.0f} ({_percent(again, redone['jobs'])} of all jobs)"),
        (
            "frames repeated",
            f"{frames_again:.0f} ({_percent(frames_again, redone['frames'])} of all frames)",
        ),
        ("slot seconds lost", f"{lost_s:.0f} ({_percent(lost_s, counted_s + lost_s)} of all)"),
        ("stop request to exit, longest, s", f"{_longest(figures):.1f}"),
        ("assets with late parts", str(figures.untidy)),
        ("incomplete uploads left to the bucket's rule", str(figures.uploads)),
        ("violations", str(len(figures.violations))),
    ]
    return lines


def _requests(server: str, counts: Mapping[Fault, int]) -> list[tuple[str, str]]:
    """The number of requests, and of those with each fault."""
    faults = ", ".join(
        f"{counts[fault]} {fault}" for fault in Fault if fault is not Fault.PASSED and counts.get(fault)
    )
    return [(f"requests to {server}", f"{sum(counts.values())} ({faults or 'all passed'})")]


def insert_table(page: str, figures: Figures) -> str:
    """A page of the documentation with this table. Raises `ValueError` if the page has no markers for it."""
    begin, end = f"<!-- chaos-{figures.mode} -->\n", f"\n<!-- /chaos-{figures.mode} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no markers for the table of {figures.mode}")
    return before + begin + table(figures) + end + after


def as_json(figures: Figures) -> dict[str, Any]:
    """The figures as JSON values."""
    stops = [each.took_s for each in figures.exits if each.state is ProcessState.STOPPING]
    return {
        "mode": str(figures.mode),
        "seed": figures.seed,
        "cores": figures.cores,
        "sources": figures.sources,
        "undisturbed_s": round(figures.undisturbed_s, 1),
        "faults_s": round(figures.faults_s, 1),
        "settled_s": round(figures.settled_s, 1),
        "assets": figures.assets,
        "published": figures.published,
        "disturbances": {kind.name.lower(): count for kind, count in sorted(figures.disturbances.items())},
        "missed": figures.missed,
        "network": {fault.name.lower(): count for fault, count in sorted(figures.network.items())},
        "store_proxy": {fault.name.lower(): count for fault, count in sorted(figures.store_proxy.items())},
        "submissions": list(figures.submissions),
        "interrupted": figures.interrupted,
        "lost": figures.lost,
        "redone": {key: round(value, 1) for key, value in figures.redone.items()},
        "slot_seconds": [round(value, 1) for value in figures.slot_seconds],
        "longest_stop_s": round(max(stops, default=0.0), 1),
        "ignored": figures.ignored,
        "untidy": figures.untidy,
        "uploads": figures.uploads,
        "violations": list(figures.violations),
    }


def _longest(figures: Figures) -> float:
    stops = (each.took_s for each in figures.exits if each.state is ProcessState.STOPPING)
    return max(stops, default=0.0)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "0 %"
