"""`eddyline demo-clip`: creates a camera-like clip, for `make run` without a source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo_clip(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The MP4 to write.", show_default=False)],
    seconds: Annotated[int, typer.Option("--seconds", min=1, max=600, help="The duration of the clip.")] = 20,
) -> None:
    """Create a clip with moving video, a tone and a telemetry track."""
    from eddyline.pipeline.demo_clip import make_clip

    typer.echo(str(make_clip(out, seconds=seconds)))
