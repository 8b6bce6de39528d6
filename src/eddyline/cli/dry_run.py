"""`eddyline run --dry-run`: prints the plan without executing it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from eddyline.cli.json_output import encode_line, event_fields
from eddyline.cli.progress import outcome_line
from eddyline.cli.terminal import console
from eddyline.core.formatting import format_count, format_duration, printable

if TYPE_CHECKING:
    from eddyline.app import PlannedAsset
    from eddyline.media.source.source import SourceFacts


def show_plan(planned: Sequence[PlannedAsset], *, as_json: bool) -> int:
    """Print the plan of every asset; returns the exit code (1 if a source cannot be processed)."""
    if as_json:
        sys.stdout.write(encode_line([plan_fields(asset) for asset in planned]) + "\n")
    else:
        _print(planned)
    return int(any(asset.error for asset in planned))


def plan_fields(asset: PlannedAsset) -> dict[str, Any]:
    """One planned asset as JSON values."""
    return {
        "name": asset.name,
        "source": asset.facts.to_json() if asset.facts else None,
        "renditions": [rung.to_json() for rung in asset.rungs],
        "chunks": asset.chunks,
        "frames": asset.frames,
        "estimate_cpu_s": asset.estimate_cpu_s,
        "error": event_fields(asset.error) if asset.error else None,
    }


def _print(planned: Sequence[PlannedAsset]) -> None:
    screen = console()
    valid = [(asset, asset.facts) for asset in planned if asset.facts and not asset.error]
    if valid:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("asset", "source", "renditions"):
            table.add_column(heading, overflow="fold")
        for heading in ("frames", "chunks", "CPU time"):
            table.add_column(heading, justify="right", no_wrap=True)
        for asset, facts in valid:
            table.add_row(*_cells(asset, facts))
        screen.print(table)
    for asset in planned:
        if asset.error:
            screen.print(outcome_line(asset.error), soft_wrap=True)
            if asset.error.remedy:
                screen.print(f"  what to do: {printable(asset.error.remedy)}", soft_wrap=True)
    total = sum(asset.estimate_cpu_s for asset, _ in valid)
    assets = format_count(len(valid), "asset")
    screen.print(f"\n{assets}, about {format_duration(total)} of CPU time. Nothing was submitted.")


def _cells(asset: PlannedAsset, facts: SourceFacts) -> tuple[str, ...]:
    video = facts.video
    source = f"{video.codec} {video.display_width}x{video.display_height}, {float(video.fps):.5g} fps"
    return (
        printable(asset.name),
        f"{source}, {format_duration(facts.duration_s)}",
        ", ".join(rung.name for rung in asset.rungs),
        f"{asset.frames:,}",
        f"{asset.chunks:,}",
        format_duration(asset.estimate_cpu_s),
    )
