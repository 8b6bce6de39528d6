"""The report of a run: skipped, failed and finished sources, with remedies and paths."""

from __future__ import annotations

import shlex
from collections import defaultdict
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.text import Text

from eddyline.core.formatting import format_count, printable
from eddyline.pipeline.runs.events import AssetFailed, AssetFinished, RunReport, SourceSkipped

_MAX_NAMES = 5


def print_report(report: RunReport, console: Console, out: Path | None = None) -> None:
    """Print the report; its last line is the path of an asset page, if there is one.

    `out` is the output directory, unless it is the default of other commands.
    """
    blocks = [
        _skipped(report.skipped),
        _failed(report.failed, f" --out {shlex.quote(printable(out))}" if out else ""),
        _interrupted(report.interrupted),
        _submitted(report),
        _finished(report.finished),
    ]
    if not any(blocks):
        blocks = [[Text("No video files found.")]]
    for block in filter(None, blocks):
        console.print()
        for line in block:
            console.print(line, soft_wrap=True)


def _skipped(skipped: tuple[SourceSkipped, ...]) -> list[Text]:
    """Skipped files by reason: a card of 400 photos is one line."""
    if not skipped:
        return []
    by_reason: dict[str, list[str]] = defaultdict(list)
    for each in skipped:
        by_reason[each.reason].append(each.path)
    lines = [Text(f"Skipped {format_count(len(skipped), 'file')}:", style="dim")]
    for reason, paths in by_reason.items():
        names = ", ".join(printable(PurePosixPath(path).name) for path in paths[:_MAX_NAMES])
        more = len(paths) - _MAX_NAMES
        lines.append(
            Text(f"  {names}{f' and {more:,} more' if more > 0 else ''}: {printable(reason)}", style="dim")
        )
    return lines


def _failed(failed: tuple[AssetFailed, ...], where: str) -> list[Text]:
    lines = []
    for each in failed:
        source = "" if each.source == each.name else f"  {printable(each.source)}"
        lines.append(Text.assemble(("✗ ", "bold red"), (printable(each.name), "bold"), source))
        lines.append(Text(f"  {printable(each.reason)}", style="red"))
        if each.remedy:
            lines.append(Text(f"  what to do: {printable(each.remedy)}"))
        if each.job:
            lines.append(Text(f"  evidence: eddyline jobs show {printable(each.job)}{where}", style="dim"))
    return lines


def _interrupted(reason: str) -> list[Text]:
    if not reason:
        return []
    line = f"Stopped ({printable(reason)}). Run the same command again to resume."
    return [Text(line, style="yellow")]


def _submitted(report: RunReport) -> list[Text]:
    """The assets submitted to a fleet that have not ended."""
    ended = {each.asset for each in report.finished} | {each.asset for each in report.failed}
    lines = [
        Text.assemble(("→ ", "cyan"), (printable(each.name), "bold"), (f"  submitted as {each.asset}", "dim"))
        for each in report.submitted
        if each.asset not in ended
    ]
    return [*lines, Text("  status: eddyline status")] if lines else []


def _finished(finished: tuple[AssetFinished, ...]) -> list[Text]:
    lines = []
    for each in finished:
        how = "already processed" if each.reused else "done and verified"
        lines.append(Text.assemble(("✓ ", "green"), (printable(each.name), "bold"), (f"  {how}", "dim")))
        lines += [Text(f"  left out: {printable(thing)}", style="yellow") for thing in each.left_out]
        lines.append(Text.assemble("  page: ", _link(each.page)))
    return lines


def _link(page: str) -> Text:
    local = "://" not in page
    return Text(printable(page), style=f"link {Path(page).absolute().as_uri()}" if local else "")
