"""`eddyline quality`: shows or measures how much of the source the renditions of an asset have kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eddyline.cli import options
from eddyline.cli.edit_options import run_stoppable
from eddyline.cli.terminal import console
from eddyline.core.errors import MissingError, UsageError
from eddyline.core.formatting import format_count, printable

if TYPE_CHECKING:
    from rich.console import Console

    from eddyline.media.quality.metrics import Metric

_AT = ("rung", "source")
_WORST = ("min", "max")


def quality(
    asset: Annotated[
        str, typer.Argument(metavar="ASSET", help="The id of a published asset.", show_default=False)
    ],
    out: options.LibraryOut = None,
    store: options.Store = "",
    rung: Annotated[
        list[str] | None,
        typer.Option("--rung", metavar="NAME", help="A rendition; repeatable. Default: all."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Measure all frames again, not a sample.")] = False,
    metrics: Annotated[
        str,
        typer.Option(
            "--metrics",
            metavar="LIST",
            help="Measure these: vmaf,vmaf_neg,vmaf_v1,psnr,ssim,xpsnr,cambi, or all.",
            show_default=False,
        ),
    ] = "",
    at: Annotated[
        str,
        typer.Option(
            "--at",
            metavar="|".join(_AT),
            help="Compare at the frame size of the rendition, or scaled up to that of the source.",
        ),
    ] = "rung",
    source: Annotated[
        Path | None,
        typer.Option(
            "--source",
            metavar="FILE",
            help="A copy of the source. Default: the file that was submitted.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the quality of an asset's renditions (VMAF, PSNR, SSIM), or measure it with other metrics.

    Without --full, --metrics, --at source and --source, the values are those of the manifest.
    """
    from eddyline.app.shared_services import SharedServices

    if at not in _AT:
        raise UsageError(f"--at {at[:40]!r} is not known", remedy=f"pass one of {', '.join(_AT)}")
    if source is not None and not source.is_file():
        raise MissingError(f"{source} does not exist", remedy="check the path")
    chosen = _parse_metrics(metrics)
    shared = SharedServices.from_options(store=store, out=out)
    if full or metrics or at == "source" or source is not None:
        found = _measure(
            asset, shared, out, chosen, rung or (), full=full, at_source=at == "source", source=source
        )
    else:
        from eddyline.app.quality import read_quality

        found = read_quality(asset, out, shared, rung or ())
    if as_json:
        typer.echo(json.dumps({"asset": asset, "renditions": found}, indent=2))
    else:
        show(console(), found)


def _measure(
    asset: str,
    shared: Any,  # noqa: ANN401 - SharedServices, which is imported by the command
    out: Path | None,
    metrics: Sequence[Metric],
    rungs: Sequence[str],
    *,
    full: bool,
    at_source: bool,
    source: Path | None,
) -> dict[str, Any]:
    from eddyline.app.quality import measure_quality
    from eddyline.pipeline.publication.asset_quality import QualityRequest

    request = QualityRequest(metrics=metrics, rungs=rungs, full=full, at_source=at_source, source=source)
    errors = console(errors=True)

    def report(done: float) -> None:
        if errors.is_terminal:
            errors.print(f"\rmeasured {done:4.0%}", end="" if done < 1 else "\n")

    return run_stoppable(
        lambda stop: measure_quality(asset, request, out, shared, stop=stop, on_progress=report)
    )


def _parse_metrics(text: str) -> tuple[Metric, ...]:
    """The metrics of a list separated by commas; those of the manifest for an empty one."""
    from eddyline.media.quality.metrics import ALL, SAMPLED, Metric

    if text == "all":
        return ALL
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in set(ALL)]
    if unknown:
        raise UsageError(
            f"--metrics: {unknown[0][:40]!r} is not known", remedy=f"pass all, or some of {', '.join(ALL)}"
        )
    return tuple(Metric(name) for name in dict.fromkeys(names)) or SAMPLED


def show(screen: Console, found: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a table with a row for each metric of each rendition."""
    from rich.table import Table

    if not found:
        screen.print("The manifest has no quality: measure it with --full, or run the source again.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("rendition", "metric", "model"):
        table.add_column(heading)
    for heading in ("mean", "5 %", "1 %", "worst", "error", "frames"):
        table.add_column(heading, justify="right")
    notes = []
    for name, quality_of in found.items():
        if "not_measured" in quality_of:
            notes.append(f"{name}: not measured: {quality_of['not_measured']}")
            continue
        size = f"{quality_of['width']}x{quality_of['height']}"
        label = f"{name} at {size}"
        for metric, values in quality_of["metrics"].items():
            table.add_row(printable(label), printable(metric), *_cells(values), f"{quality_of['frames']:,}")
            label = ""
    if table.row_count:
        screen.print(table)
    for note in notes:
        screen.print(printable(note))
    methods = {each.get("method") for each in found.values()} - {None}
    if "sampled" in methods:
        count = max(each.get("frames", 0) for each in found.values())
        screen.print(f"From a sample of {format_count(count, 'frame')}; --full measures all.", style="dim")


def _cells(values: Mapping[str, Any]) -> list[str]:
    """Model, mean, the values that 5 % and 1 % of the frames are worse than, the worst one, and the error."""
    low = [values.get(name, values.get(other)) for name, other in (("p5", "p95"), ("p1", "p99"), _WORST)]
    numbers = [values["mean"], *low, values.get("standard_error")]
    return [str(values.get("model", "")), *("" if each is None else f"{each:g}" for each in numbers)]
