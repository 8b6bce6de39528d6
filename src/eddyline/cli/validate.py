"""`eddyline validate`: checks a stream against the authoring rules of HLS and DASH."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli.terminal import console
from eddyline.core.formatting import format_count, printable

if TYPE_CHECKING:
    from eddyline.media.streaming.validation.report import Report
    from eddyline.media.streaming.validation.rule import Finding

_SHOWN = 3  # findings of one rule


def validate(
    stream: Annotated[
        str,
        typer.Argument(
            metavar="DIR|URL",
            help="A directory, a multivariant playlist or an MPD: a path, or an http(s) URL.",
            show_default=False,
        ),
    ],
    segments: Annotated[
        str, typer.Option("--segments", metavar="N|all", help="How many segments of each playlist to open.")
    ] = "20",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Validate an HLS or DASH stream by Apple's and DASH-IF's rules. Exits with 1 if a MUST is violated."""
    from eddyline.app.validate_stream import validate_stream

    report = validate_stream(stream, segments)
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2))
    else:
        show(report)
    if report.violated:
        raise typer.Exit(1)


def show(report: Report) -> None:
    """Print the findings by rule, then what was checked."""
    screen = console()
    for _, group in groupby(report.findings, key=lambda each: each.rule.id):
        found = list(group)
        rule = found[0].rule
        screen.print(f"{rule.level:<6} {rule.id}: {rule.requirement}", style="bold", soft_wrap=True)
        for each in found[:_SHOWN]:
            screen.print(f"       {printable(_sentence(each))}", soft_wrap=True, highlight=False)
        if len(found) > _SHOWN:
            screen.print(f"       and {len(found) - _SHOWN} more (--json lists all)", soft_wrap=True)
        screen.print(f"       what to do: {rule.remedy} ({rule.source})", soft_wrap=True, highlight=False)
    for note in report.notes:
        screen.print(f"note   {printable(note)}", soft_wrap=True, highlight=False)
    screen.print(_summary(report), soft_wrap=True, highlight=False)


def _sentence(each: Finding) -> str:
    required = f"; required: {each.required}" if each.required else ""
    return f"{each.file}, {each.place}: {each.actual}{required}"


def _summary(report: Report) -> str:
    must = len({each.rule.id for each in report.violated})
    should = len({each.rule.id for each in report.findings}) - must
    checked = (
        f"{format_count(report.rules, 'rule')} checked in {format_count(report.files, 'file')}"
        f" and {format_count(report.segments, 'segment')}"
    )
    return f"{checked}: {must} MUST and {should} SHOULD violated"
