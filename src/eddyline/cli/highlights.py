"""`eddyline highlights`: finds the highlights of recordings and writes them as a reel."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from eddyline.cli.edit_options import MP4_SUFFIXES, output_path, run_stoppable
from eddyline.cli.terminal import console
from eddyline.core.errors import MissingError
from eddyline.core.formatting import format_count, format_size, printable

if TYPE_CHECKING:
    from rich.console import Console

    from eddyline.edit.reel.cuts import Cut
    from eddyline.edit.reel.reel import Reel
    from eddyline.edit.reel.search import Highlights

_MOST_EVENTS = 3  # of one segment in the list
_MINUTE_S = 60
_KM_PER_H = 3.6  # of 1 m/s


def highlights(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE",
            help="Recordings with the same settings, such as the chapters of one.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The reel. Default: SOURCE-highlights."),
    ] = None,
    duration: Annotated[
        float, typer.Option("--duration", metavar="S", help="The longest reel in seconds.")
    ] = 30.0,
    max_segment: Annotated[
        float, typer.Option("--max-segment", metavar="S", help="The longest segment in seconds.")
    ] = 5.0,
    music: Annotated[
        Path | None,
        typer.Option(
            "--music", metavar="FILE", help="Replace the audio by this music, and cut on its beats."
        ),
    ] = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="Print the segments with their evidence, and write no reel.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Like --list, as JSON. With --out, the reel is written, too.")
    ] = False,
) -> None:
    """Find the highlights of recordings in telemetry and audio, and cut them to a reel of exact frames."""
    from eddyline import app
    from eddyline.edit.reel.search import HighlightRequest, order_sources

    for each in (*sources, *([music] if music else ())):
        if not each.is_file():
            raise MissingError(f"{each} does not exist", remedy="check the path and that the card is mounted")
    request = HighlightRequest(duration_s=duration, max_segment_s=max_segment, music=music)
    if only_list or (as_json and out is None):
        found = run_stoppable(lambda stop: app.find_highlights(sources, request, stop=stop))
        if as_json:
            typer.echo(json.dumps(found.to_json(), indent=2))
        else:
            show_list(console(), found)
        return
    first = order_sources(sources)[0]
    target = output_path(first, out, "highlights", sources, suffixes=MP4_SUFFIXES)
    made = run_stoppable(lambda stop: app.make_reel(sources, target, request, stop=stop))
    if as_json:
        typer.echo(json.dumps(made.to_json(), indent=2))
    else:
        show_reel(console(), made)


def show_reel(screen: Console, made: Reel) -> None:
    """Print what was written."""
    size = format_size(made.path.stat().st_size)
    screen.print(f"{printable(made.path)}, {size}", style="bold", soft_wrap=True)
    frames = f"{format_count(made.frames, 'frame')}, {made.encoded:,} re-encoded"
    screen.print(f"  reel        {made.highlights.length_s:.3f} s, {frames}", soft_wrap=True)
    show_list(screen, made.highlights)


def show_list(screen: Console, found: Highlights) -> None:
    """Print the segments with their evidence."""
    for source in found.analyses:
        for warning in source.warnings:
            screen.print(f"  note        {printable(source.name)}: {printable(warning)}", soft_wrap=True)
    if found.tempo:
        on_beat = sum(cut.on_beat for cut in found.cuts)
        screen.print(
            f"  music       {found.tempo:g} beats per minute, {on_beat} cuts on beats", soft_wrap=True
        )
    if not found.cuts:
        screen.print("  no highlights: the recordings have neither HiLights nor events", soft_wrap=True)
    for cut in found.cuts:
        screen.print(f"  {_describe(found, cut)}", soft_wrap=True)


def _describe(found: Highlights, cut: Cut) -> str:
    start_s, end_s = found.bounds_s(cut)
    name = f"{printable(found.analyses[cut.segment.source].name)} " if len(found.analyses) > 1 else ""
    strongest = sorted(cut.segment.events, key=lambda each: (-each.weighted, each.start_s))
    evidence = [_EVIDENCE[event.kind](event.values) for event in strongest[:_MOST_EVENTS]]
    more = len(strongest) - len(evidence)
    evidence += [f"and {more} more"] if more else []
    times = f"{_time(start_s)} to {_time(end_s)}"
    return f"{cut.segment.score:.2f}  {name}{times}  {', '.join(evidence)}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 2), _MINUTE_S)
    return f"{int(minutes)}:{rest:05.2f}"


_EVIDENCE: Final[Mapping[str, Callable[[Mapping[str, float]], str]]] = {
    "airtime": lambda value: f"airtime {value['duration_s']:.2f} s",
    "impact": lambda value: f"impact {value['peak_g']:.1f} g",
    "spin": lambda value: f"spin {value['rotation_degrees']:.0f}°",
    "speed": lambda value: f"speed {value['peak_m_per_s'] * _KM_PER_H:.0f} km/h",
    "braking": lambda value: f"braking {value['hardest_m_per_s2']:.1f} m/s²",
    "loudness": lambda value: f"loudness +{value['step_db']:.0f} dB",
    "face": lambda value: format_count(int(value["faces"]), "face"),
    "hilight": lambda _: "HiLight",
}
"""The text of an event, by kind."""
