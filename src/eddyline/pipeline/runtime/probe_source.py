"""Probes one source as inspection would, without keeping anything."""

from __future__ import annotations

import tempfile
from pathlib import Path

from eddyline.core import files
from eddyline.core.processes.runner import Runner
from eddyline.media.source.probe import probe
from eddyline.media.source.source import SourceFacts
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.runtime.read_counter import ReadCounter
from eddyline.pipeline.runtime.source_files import SourceFile
from eddyline.pipeline.runtime.source_reader import open_as_mp4


def probe_source(address: str | Path, tools: Toolchain, *, runner: Runner | None = None) -> SourceFacts:
    """The facts of one file or object. A source that is not MP4 is remuxed to a temporary file first.

    Raises `InputError` or `UnsupportedError` for a source that cannot be processed, `MissingError`,
    `TransientError`.
    """
    runner = runner or Runner()
    original = SourceFile.current(address)
    with (
        files.translate_errors(f"probing {original.name}"),
        tempfile.TemporaryDirectory(prefix="eddyline-") as directory,
    ):
        work = Path(directory)
        opening = open_as_mp4(original, work=work, runner=runner, tools=tools, read_counter=ReadCounter())
        with opening as opened, original.open() as source:
            return probe(
                opened.src,
                opened.movie,
                runner=runner,
                tools=tools,
                work=work,
                original=None if opened.remuxed is None else source,
                container=opened.container,
                left_out=opened.left_out,
                codec=opened.codec,
                subtitles=opened.subtitle_facts,
                chapters=opened.chapters,
            )
