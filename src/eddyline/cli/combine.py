"""`eddyline combine`: combines video, audio of an external recorder and telemetry in one MP4."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli.edit_options import MP4_SUFFIXES, output_path, run_stoppable
from eddyline.cli.terminal import console
from eddyline.core.errors import MissingError
from eddyline.core.formatting import format_count, format_size, printable

if TYPE_CHECKING:
    from eddyline.edit.combine.combine import Combined
    from eddyline.edit.combine.external_recording import Added
    from eddyline.media.audio.drift import Drift


def combine(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="The video file.", show_default=False)],
    audio: Annotated[
        list[Path] | None,
        typer.Option(
            "--audio", "-a", metavar="FILE", help="An audio file to add: WAV, M4A, MP4, ... (repeatable)."
        ),
    ] = None,
    telemetry: Annotated[
        Path | None,
        typer.Option(
            "--telemetry", metavar="FILE", help="Telemetry to add: raw GPMF, or the MP4 of a camera."
        ),
    ] = None,
    offset: Annotated[
        str,
        typer.Option("--offset", metavar="S", help="Delay the audio by S seconds (negative: advance it)."),
    ] = "",
    drift: Annotated[
        str,
        typer.Option(
            "--drift",
            metavar="PPM|auto",
            help="The error of the recorder clock in parts per million; auto: measure offset and drift.",
        ),
    ] = "0",
    telemetry_offset: Annotated[
        str, typer.Option("--telemetry-offset", metavar="S", help="Delay the telemetry by S seconds.")
    ] = "0",
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove the audio of the camera. Default: keep it disabled.")
    ] = False,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the audio without encoding it.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The file to write. Default: VIDEO-combined."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Add audio and telemetry of other files to a video, without re-encoding the video."""
    from eddyline import app

    for each in (video, *(audio or ()), *([telemetry] if telemetry else ())):
        if not each.is_file():
            raise MissingError(f"{each} does not exist", remedy="check the path")
    target = output_path(video, out, "combined", [video], suffixes=MP4_SUFFIXES)
    made = run_stoppable(
        lambda stop: app.combine(
            video,
            target,
            audio=tuple(audio or ()),
            telemetry=telemetry,
            offset=offset,
            drift=drift,
            telemetry_offset=telemetry_offset,
            replace=replace,
            copy=copy,
            stop=stop,
        )
    )
    if as_json:
        typer.echo(json.dumps(made.to_json(), indent=2))
    else:
        show(made)


def show(made: Combined) -> None:
    """Print what was combined."""
    screen = console()
    screen.print(
        f"{printable(made.path)}, {format_size(made.path.stat().st_size)}", style="bold", soft_wrap=True
    )
    lines = [("video", f"{format_count(made.frames, 'frame')}, copied")]
    for each in made.audio:
        lines.append(("audio", _audio(each)))
        if each.measured is not None:
            lines.append(("measured", _measured(each.measured)))
    if made.payloads:
        cut = ", cut to the video" if made.telemetry_cut else ", unchanged"
        lines.append(("telemetry", format_count(made.payloads, "payload") + cut))
    lines += [("kept", ", ".join(made.kept))] if made.kept else []
    lines += [("left out", ", ".join(made.dropped))] if made.dropped else []
    for heading, value in lines:
        screen.print(f"  {heading:<12}{printable(value)}", soft_wrap=True)


def _measured(drift: Drift) -> str:
    positions = f"at {drift.points} of {drift.tried} positions"
    note = "" if drift.significant else "; not significant, not corrected"
    rate = f"{drift.ppm:+.1f} ± {drift.error_ppm:.1f} ppm"
    return f"offset {drift.offset_s:+.4f} s, drift {rate}, {positions}{note}"


def _audio(each: Added) -> str:
    how = "encoded as AAC" if each.encoded else f"{each.codec}, copied"
    drift = f", resampled by {each.ppm:+.1f} ppm" if each.ppm else ""
    return f"{each.path.name}: {each.heard_s:.3f} s, {each.offset_s:+.4f} s, {how}{drift}"
