"""`eddyline combine`: a picture, sound of a recorder of its own, and telemetry, as one MP4."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli.terminal import console
from eddyline.cli.trim import output_path
from eddyline.core.errors import Interrupted, MissingError
from eddyline.core.formatting import format_count, format_size, printable

if TYPE_CHECKING:
    from eddyline.edit.combine.combine import Combined
    from eddyline.edit.combine.external_recording import Added
    from eddyline.media.audio.drift import Drift


def combine(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="The picture.", show_default=False)],
    audio: Annotated[
        list[Path] | None,
        typer.Option("--audio", "-a", metavar="FILE", help="Sound to add: WAV, M4A, MP4, ... (repeatable)."),
    ] = None,
    telemetry: Annotated[
        Path | None,
        typer.Option("--telemetry", metavar="FILE", help="Telemetry to add: raw GPMF, or a camera's MP4."),
    ] = None,
    offset: Annotated[
        str, typer.Option("--offset", metavar="S", help="Put the sound so many seconds later (-: earlier).")
    ] = "",
    drift: Annotated[
        str,
        typer.Option(
            "--drift",
            metavar="PPM|auto",
            help="How much too fast the recorder's clock runs, in millionths; auto: measure both.",
        ),
    ] = "0",
    telemetry_offset: Annotated[
        str, typer.Option("--telemetry-offset", metavar="S", help="Put the telemetry so many seconds later.")
    ] = "0",
    replace: Annotated[
        bool, typer.Option("--replace", help="Leave the camera's own sound out (else: kept, switched off).")
    ] = False,
    copy: Annotated[
        bool, typer.Option("--copy", help="Encode no sound: keep PCM and the like as it is.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="[default: the video's name, -combined]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say what was done as JSON.")] = False,
) -> None:
    """Put sound and telemetry of other files beside a picture; no picture is encoded."""
    from eddyline import app
    from eddyline.cli.signals import Interruption
    from eddyline.core.stop import Stop

    for each in (video, *(audio or ()), *([telemetry] if telemetry else ())):
        if not each.is_file():
            raise MissingError(f"there is no file {each}", remedy="check the path")
    target = output_path(video, out, "combined")
    with Interruption(Stop()) as interruption:
        try:
            made = app.combine(
                video,
                target,
                audio=tuple(audio or ()),
                telemetry=telemetry,
                offset=offset,
                drift=drift,
                telemetry_offset=telemetry_offset,
                replace=replace,
                copy=copy,
                stop=interruption.stop,
            )
        except Interrupted as error:
            raise typer.Exit(interruption.exit_code or 1) from error
    if as_json:
        typer.echo(json.dumps(made.to_json(), indent=2))
    else:
        show(made)


def show(made: Combined) -> None:
    """Say what was put together, for people."""
    screen = console()
    screen.print(
        f"{printable(made.path)}, {format_size(made.path.stat().st_size)}", style="bold", soft_wrap=True
    )
    lines = [("picture", f"{format_count(made.frames, 'frame')}, copied")]
    for each in made.audio:
        lines.append(("sound", _sound(each)))
        if each.measured is not None:
            lines.append(("measured", _measured(each.measured)))
    if made.payloads:
        cut = ", cut to the picture" if made.telemetry_cut else ", as they were"
        lines.append(("telemetry", format_count(made.payloads, "payload") + cut))
    lines += [("kept", ", ".join(made.kept))] if made.kept else []
    lines += [("left out", ", ".join(made.dropped))] if made.dropped else []
    for heading, value in lines:
        screen.print(f"  {heading:<12}{printable(value)}", soft_wrap=True)


def _measured(found: Drift) -> str:
    places = f"at {found.points} of {found.tried} places"
    unsure = "" if found.significant else "; too little to be sure of: not corrected"
    drift = f"{found.ppm:+.1f} ± {found.error_ppm:.1f} millionths"
    return f"offset {found.offset_s:+.4f} s, drift {drift}, {places}{unsure}"


def _sound(each: Added) -> str:
    how = "encoded as AAC" if each.encoded else f"{each.codec}, copied"
    drift = f", resampled by {each.ppm:+.1f} millionths" if each.ppm else ""
    return f"{each.path.name}: {each.heard_s:.3f} s, {each.offset_s:+.4f} s, {how}{drift}"
