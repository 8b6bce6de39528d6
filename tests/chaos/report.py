"""What a trial found, as a table for people and as figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.disturbances import Kind, Mode
from tests.chaos.processes import Departure, Standing
from tests.servers.network import Fate


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One trial. Times in seconds; `submissions` is (killed, refused, repeated); `uploads` left incomplete.

    `lost`: running jobs that were orphaned or handed back. `slot_seconds`: (counted, lost).
    `ignored`: what workers said late or twice. `untidy`: assets to which parts were added after their end.
    """

    mode: Mode
    seed: int
    cores: int
    sources: int
    calm_s: float
    storm_s: float
    settled_s: float
    assets: int
    published: int
    disturbances: Mapping[Kind, int]
    missed: int
    network: Mapping[Fate, int]
    way_to_media: Mapping[Fate, int]
    submissions: tuple[int, int, int]
    departures: tuple[Departure, ...]
    redone: Mapping[str, float]
    slot_seconds: tuple[float, float]
    lost: int
    ignored: int
    untidy: int
    uploads: int
    complaints: tuple[str, ...]

    @property
    def held(self) -> bool:
        """Whether everything did that had to."""
        return not self.complaints


def table(figures: Figures) -> str:
    """The trial as a Markdown table."""
    return "\n".join(["| item | value |", "|---|---|", *(f"| {a} | {b} |" for a, b in _lines(figures))])


def _lines(figures: Figures) -> list[tuple[str, str]]:
    redone, (good_s, vain_s) = figures.redone, figures.slot_seconds
    again = redone["starts"] - redone["jobs"]
    frames_again = redone["frames_started"] - redone["frames"]
    killed, refused, repeated = figures.submissions
    lines = [
        ("how jobs are shared", str(figures.mode)),
        ("seed", str(figures.seed)),
        ("storm, s (of that to settle)", f"{figures.storm_s:.0f} ({figures.settled_s:.0f})"),
        ("assets complete", f"{figures.published} of {figures.assets}"),
        ("jobs done", f"{redone['jobs']:.0f}"),
        *((f"{kind}", str(count)) for kind, count in sorted(figures.disturbances.items())),
    ]
    if figures.mode is Mode.SQS:
        lines += _requests("the queue", figures.network)
        lines.append(("late or duplicate reports ignored", str(figures.ignored)))
    lines += _requests("S3", figures.way_to_media)
    lines += [
        ("submissions killed / refused / repeated", f"{killed} / {refused} / {repeated}"),
        ("running jobs orphaned or handed back", str(figures.lost)),
        ("starts beyond the first", f"{again:.0f} ({_percent(again, redone['jobs'])} of all jobs)"),
        (
            "frames repeated",
            f"{frames_again:.0f} ({_percent(frames_again, redone['frames'])} of all frames)",
        ),
        ("slot seconds lost", f"{vain_s:.0f} ({_percent(vain_s, good_s + vain_s)} of all)"),
        ("stop request to exit, longest, s", f"{_longest(figures):.1f}"),
        ("assets with late parts", str(figures.untidy)),
        ("incomplete uploads left to the bucket's rule", str(figures.uploads)),
        ("what did not hold", str(len(figures.complaints))),
    ]
    return lines


def _requests(server: str, met: Mapping[Fate, int]) -> list[tuple[str, str]]:
    """How many there were, and how many of them came to harm in which way."""
    harmed = ", ".join(f"{met[fate]} {fate}" for fate in Fate if fate is not Fate.WELL and met.get(fate))
    return [(f"requests to {server}", f"{sum(met.values())} ({harmed or 'all passed'})")]


def placed(page: str, figures: Figures) -> str:
    """A page of the documentation with this trial's table in it. Raises `ValueError` if it has no place."""
    begin, end = f"<!-- chaos-{figures.mode} -->\n", f"\n<!-- /chaos-{figures.mode} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no place for the table of {figures.mode}")
    return before + begin + table(figures) + end + after


def as_json(figures: Figures) -> dict[str, Any]:
    """The same as JSON values."""
    told = [each.took_s for each in figures.departures if each.standing is Standing.LEAVING]
    return {
        "mode": str(figures.mode),
        "seed": figures.seed,
        "cores": figures.cores,
        "sources": figures.sources,
        "calm_s": round(figures.calm_s, 1),
        "storm_s": round(figures.storm_s, 1),
        "settled_s": round(figures.settled_s, 1),
        "assets": figures.assets,
        "published": figures.published,
        "disturbances": {kind.name.lower(): count for kind, count in sorted(figures.disturbances.items())},
        "missed": figures.missed,
        "network": {fate.name.lower(): count for fate, count in sorted(figures.network.items())},
        "way_to_media": {fate.name.lower(): count for fate, count in sorted(figures.way_to_media.items())},
        "submissions": list(figures.submissions),
        "lost": figures.lost,
        "redone": {key: round(value, 1) for key, value in figures.redone.items()},
        "slot_seconds": [round(value, 1) for value in figures.slot_seconds],
        "longest_departure_s": round(max(told, default=0.0), 1),
        "ignored": figures.ignored,
        "untidy": figures.untidy,
        "uploads": figures.uploads,
        "complaints": list(figures.complaints),
    }


def _longest(figures: Figures) -> float:
    told = (each.took_s for each in figures.departures if each.standing is Standing.LEAVING)
    return max(told, default=0.0)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "0 %"
