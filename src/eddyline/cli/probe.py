"""`eddyline probe`: shows the properties of a file from its index."""

from __future__ import annotations

import json
from pathlib import PurePath, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli.terminal import console
from eddyline.core.formatting import format_count, format_duration, format_size, printable

if TYPE_CHECKING:
    from eddyline.media.source.source import AudioFacts, SourceFacts, SubtitleFacts, VideoFacts


def probe(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL", help="A video file: a path, or s3://, gs://, az://.", show_default=False
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print all properties as JSON.")] = False,
) -> None:
    """Show the properties of a video file, without decoding it."""
    from eddyline import app

    show_facts(PurePosixPath(file), app.probe(file), as_json=as_json)


def show_facts(file: PurePath, facts: SourceFacts, *, as_json: bool) -> None:
    """Print the properties as JSON or as a few lines."""
    if as_json:
        typer.echo(json.dumps(facts.to_json(), indent=2))
        return

    screen = console()
    screen.print(printable(file.name), style="bold", soft_wrap=True)
    for heading, value in _lines(facts):
        screen.print(f"  {heading:<12}{printable(value)}", soft_wrap=True)


def _lines(facts: SourceFacts) -> list[tuple[str, str]]:

    lines = [("file", f"{facts.container}, {format_size(facts.bytes)}, {format_duration(facts.duration_s)}")]
    lines += [("video", line) for line in _video(facts.video)]
    lines += [("audio", _audio(track)) for track in facts.audio] or [("audio", "none")]
    if facts.telemetry:
        telemetry = facts.telemetry
        lines.append(
            (
                "telemetry",
                f"{format_count(telemetry.payloads, 'payload')}, {format_size(telemetry.bytes)}, gpmd",
            )
        )
    else:
        lines.append(("telemetry", "none"))
    lines += [("subtitles", _subtitles(track)) for track in facts.subtitles]
    if facts.chapters:
        lines.append(("chapters", format_count(len(facts.chapters), "chapter")))
    description = facts.description
    device = " ".join(part for part in (description.make, description.model) if part)
    place = (
        description.location and f"{description.location.latitude:.4f}, {description.location.longitude:.4f}"
    )
    facets = [description.title, description.created, device, place]
    if any(facets):
        lines.append(("recorded", ", ".join(part for part in facets if part)))
    lines += [("left out", str(each)) for each in facts.left_out]
    return [*lines, ("fingerprint", facts.fingerprint)]


def _subtitles(track: SubtitleFacts) -> str:
    flags = [name for name, holds in (("default", track.default), ("forced", track.forced)) if holds]
    return ", ".join(part for part in (track.codec, track.language, track.title, *flags) if part)


def _video(video: VideoFacts) -> list[str]:
    rate = f"{float(video.fps):.5g} frames/s" + (" (variable)" if video.variable_rate else "")
    first = f"{video.codec} {video.width}x{video.height}, {rate}, {video.frames:,} frames"
    notes = [f"{video.bit_depth} bits {video.pixel_format}"]
    if video.transfer != "unknown":
        notes.append(video.transfer + (" (HDR)" if video.hdr else ""))
    if video.mirrored:
        notes.append("mirrored")
    if video.rotation:
        notes.append(f"rotated by {video.rotation} degrees")
    if video.projection:
        notes.append(f"{video.projection} projection")
    if video.sphere is not None:
        tracks = "two tracks" if video.sphere.is_eac else "frames"
        notes.append(f"projected from {tracks} of {video.sphere.width}x{video.sphere.height}")
    if video.interlaced:
        notes.append("interlaced")
    if (video.display_width, video.display_height) != (video.width, video.height):
        notes.append(f"displayed as {video.display_width}x{video.display_height}")
    return [first, ", ".join(notes)]


def _audio(track: AudioFacts) -> str:
    named = f", {track.title!r}" if track.title else ""
    return f"{track.codec}, {track.channels} channels, {track.sample_rate:,} Hz, {track.language}{named}"
