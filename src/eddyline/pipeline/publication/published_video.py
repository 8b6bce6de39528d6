"""Opens the source and the renditions of a published asset, to compare them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from eddyline.core.errors import InputError
from eddyline.core.numbers import parse_rational
from eddyline.core.processes.runner import Runner
from eddyline.media.ladder.encoders import find_encoder
from eddyline.media.ladder.ladder import Rung
from eddyline.media.quality.windows import RenditionVideo, SourceVideo
from eddyline.media.source.fingerprint import fingerprint
from eddyline.media.source.first_frame import decode_first_frame
from eddyline.media.source.open_source import main_video
from eddyline.media.source.probe import probe
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.excerpt import write_excerpt
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.mp4.presentation import build_presentation
from eddyline.pipeline.planning.output_layout import asset_key
from eddyline.pipeline.runtime.read_counter import ReadCounter
from eddyline.pipeline.runtime.source_files import SourceFile, SourceRegistry
from eddyline.pipeline.runtime.source_reader import local_copy, open_as_mp4
from eddyline.store.ranges import FileRanges, Ranges
from eddyline.store.store import Store


@contextmanager
def open_source_video(
    store: Store,
    asset: str,
    manifest: Mapping[str, Any],
    *,
    copy: Path | None,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> Iterator[SourceVideo]:
    """Open the source of an asset, or a `copy` of it, as one MP4 with its facts.

    A recording in chapters is joined, another container remuxed, in the directory `work`. Raises
    `MissingError`, and `InputError` if the source has changed or is not that of the asset.
    """
    counter = ReadCounter()
    registry = SourceRegistry(store)
    chapters = () if copy is not None else registry.chapters(asset)
    with ExitStack() as stack:
        src: Ranges
        if chapters:
            originals = [each.original for each in chapters]
            src, movie = stack.enter_context(_joined(originals, work, runner=runner, counter=counter))
        else:
            original = registry.find(asset) if copy is None else SourceFile.current(copy)
            opened = stack.enter_context(
                open_as_mp4(original, work=work, runner=runner, tools=tools, read_counter=counter)
            )
            src, movie = opened.src, opened.movie
            _require_same(original, None if opened.remuxed else movie, manifest)
        track = main_video(movie)
        facts = probe(src, movie, runner=runner, tools=tools, work=work).video
        yield SourceVideo(
            src=src, movie=movie, track=track, shown=build_presentation(movie, track), facts=facts
        )


@contextmanager
def open_rendition_video(
    store: Store,
    asset: str,
    manifest: Mapping[str, Any],
    entry: Mapping[str, Any],
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> Iterator[RenditionVideo]:
    """Open a rendition, by its entry in the manifest. Its rung lacks what only encoding needs."""
    with store.ranges(asset_key(asset, entry["path"])) as src:
        movie = read_movie(src)
        track = main_video(movie)
        shown = build_presentation(movie, track)
        head = write_excerpt(src, track, shown, [(0, 1)], work / "first-frame.mp4").path
        frame = decode_first_frame(head, tools=tools, runner=runner, name=entry["codec"])
        head.unlink(missing_ok=True)
        if frame is None:
            raise InputError(
                f"the rendition {entry['name']} cannot be decoded", remedy="run the source again"
            )
        fields, step = _rate(manifest["source"]["video"]["fps"], entry.get("fps"))
        rung = Rung(
            name=entry["name"],
            codec=entry["codec"],
            encoder=find_encoder(entry["codec"]).name,
            width=entry["width"],
            height=entry["height"],
            crf=0,
            preset="",
            maxrate_kbps=0,
            bufsize_kbps=0,
            pixel_format=frame.pixel_format,
            frame_step=step,
            fields=fields,
            family=entry.get("family", entry["codec"]),
        )
        yield RenditionVideo(rung=rung, src=src, track=track, shown=shown)


def _rate(source: str, rendition: str | None) -> tuple[int, int]:
    """The fields per frame and the frame step of a rendition."""
    ratio = parse_rational(source) / parse_rational(rendition or source)
    fields = 2 if ratio < 1 else 1
    step = ratio * fields
    if step.denominator != 1:
        raise InputError(f"a rendition has {rendition} frames/s, and the source {source}")
    return fields, int(step)


@contextmanager
def _joined(
    originals: Sequence[SourceFile], work: Path, *, runner: Runner, counter: ReadCounter
) -> Iterator[tuple[Ranges, Movie]]:
    # Most sources are one file, and merging imports a lot.
    from eddyline.edit.merge.merge import join_chapters  # noqa: PLC0415 - see above

    check = runner.stop.check
    paths = [
        local_copy(each, work / f"chapter-{number}", check=check, read_counter=counter)
        for number, each in enumerate(originals, 1)
    ]
    join_chapters(paths, work / "merged.mp4", check=check)
    with FileRanges(work / "merged.mp4") as src:
        yield src, read_movie(src)


def _require_same(original: SourceFile, movie: Movie | None, manifest: Mapping[str, Any]) -> None:
    with original.open() as src:
        same = fingerprint(src, movie) == manifest["source"]["fingerprint"]
    if not same:
        raise InputError(
            f"{original.address} is not the source of this asset",
            remedy=f"pass a copy of {manifest['source']['name']} with --source",
            reason="changed",
        )
