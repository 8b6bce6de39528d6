"""`eddyline profiles`: lists and shows profiles."""

from __future__ import annotations

import json
from typing import Annotated

import typer
import yaml
from rich.table import Table

from eddyline.cli.terminal import console

commands = typer.Typer(help="List the built-in profiles, or print one as a template.", no_args_is_help=True)


@commands.command("list")
def list_profiles(
    as_json: Annotated[bool, typer.Option("--json", help="Print the profiles as JSON.")] = False,
) -> None:
    """List the built-in profiles."""
    from eddyline.media.ladder.profile import load_profile, profile_names

    profiles = [load_profile(name) for name in profile_names()]
    if as_json:
        typer.echo(json.dumps([profile.model_dump(mode="json") for profile in profiles], indent=2))
        return

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("profile", style="bold", no_wrap=True)
    table.add_column("codecs and lines")
    table.add_column("description")
    for profile in profiles:
        by_codec: dict[str, list[str]] = {}
        for rung in profile.rungs:
            by_codec.setdefault(rung.codec, []).append(str(rung.height))
        ladders = "; ".join(f"{codec} {', '.join(heights)}" for codec, heights in by_codec.items())
        table.add_row(profile.name, ladders, profile.description)
    console().print(table)


@commands.command("show")
def show_profile(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE", help="A built-in profile, or a profile file.", show_default=False
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the profile as JSON.")] = False,
) -> None:
    """Print a profile as YAML. To customise it, save, edit and pass it to `run --profile`."""
    from eddyline.media.ladder.profile import load_profile

    plain = load_profile(name).model_dump(mode="json")
    if as_json:
        typer.echo(json.dumps(plain, indent=2))
        return

    typer.echo(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100), nl=False)
