"""`eddyline demo-clip`: a camera-like clip of our own, for `make run` without footage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo_clip(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The MP4 to write.", show_default=False)],
    seconds: Annotated[int, typer.Option("--seconds", min=1, max=600, help="How long it is.")] = 20,
) -> None:
    """Make a clip with a moving picture, a tone and a telemetry track."""
    from eddyline.pipeline.demo_clip import make_clip

    typer.echo(str(make_clip(out, seconds=seconds)))
