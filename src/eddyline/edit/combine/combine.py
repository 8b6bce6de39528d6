"""`eddyline combine`: a picture, sound of a recorder of its own, and telemetry, as one MP4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from eddyline.core.atomic_output import atomic_output
from eddyline.core.errors import InputError, ProofError, UsageError
from eddyline.core.files import translate_errors
from eddyline.core.process import Runner
from eddyline.edit.combine.external_recording import (
    Added,
    ExternalRecordings,
    Placed,
    Prepared,
    is_in_place,
    placed,
)
from eddyline.edit.combine.external_telemetry import ExternalTelemetry, brought
from eddyline.edit.combine.external_telemetry import prove as prove_telemetry
from eddyline.media.source.open_source import main_video, open_source
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.join import movie_timescale
from eddyline.media.video.rendition_verification import samples_digest
from eddyline.mp4.boxes import iter_boxes
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, link_references, passthrough
from eddyline.store.ranges import FileRanges

_MOST_PPM = 5000.0


@dataclass(frozen=True, kw_only=True)
class CombineRequest:
    """What to put together.

    `offset` seconds later is the sound put than it would lie (None: 0, or what is measured); `drift` in
    millionths by which the recorder's clock runs fast, or "auto": measured against the camera's own sound.
    `replace`: the camera's own sound is left out; otherwise it is kept, switched off. `copy`: no sound is
    encoded.
    """

    audio: tuple[Path, ...] = ()
    telemetry: Path | None = None
    offset: Fraction | None = None
    drift: float | Literal["auto"] = 0.0
    telemetry_offset: Fraction = Fraction(0)
    replace: bool = False
    copy: bool = False


@dataclass(frozen=True, kw_only=True)
class Combined:
    """What was written; `kept` and `dropped` are tracks of the video file ("audio (mp4a), switched off")."""

    path: Path
    frames: int
    audio: tuple[Added, ...]
    payloads: int
    telemetry_cut: bool
    kept: tuple[str, ...]
    dropped: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        audio = [each.to_json() for each in self.audio]
        lists = {"kept": list(self.kept), "dropped": list(self.dropped)}
        return {**vars(self), "path": str(self.path), "audio": audio, **lists}


def combine(
    video: Path, out: Path, wish: CombineRequest, *, tools: Toolchain, runner: Runner | None = None
) -> Combined:
    """Write the video with what is to lie beside it to `out`: there when all of it is proven, or not at all.

    No picture is encoded. Sound beyond the picture's ends is left out. Raises `UsageError`, `InputError` (no
    common sound to measure by), `UnsupportedError`, `ProofError`, `ToolError`, `TransientError`.
    """
    runner = runner or Runner()
    _check(video, out, wish)
    with translate_errors(f"combining {video.name}"), atomic_output(out) as aside:
        opened = open_source(video, work=aside.work, runner=runner, tools=tools)
        with FileRanges(opened.path) as src:
            made = _Combination(src, opened.movie, wish, aside.work, tools, runner)
            done = made.perform(aside.file)
            lost = [f"{each.kind} ({each.what})" for each in opened.left_out]
            return replace(done, path=out, dropped=(*lost, *done.dropped))


def _check(video: Path, out: Path, wish: CombineRequest) -> None:
    sources = [video, *wish.audio, *([wish.telemetry] if wish.telemetry else [])]
    if len(sources) == 1:
        raise UsageError("there is nothing to combine the video with", remedy="give --audio or --telemetry")
    if out.exists() and any(each.exists() and out.samefile(each) for each in sources):
        raise UsageError("the result would replace a source", remedy="give another name with --out")
    if wish.drift != "auto" and abs(wish.drift) > _MOST_PPM:
        raise UsageError(
            f"a clock is not off by {wish.drift} millionths", remedy=f"at most {_MOST_PPM:.0f}, or auto"
        )
    if not wish.audio and (wish.drift or wish.offset):
        raise UsageError(
            "--offset and --drift are for --audio", remedy="for telemetry, give --telemetry-offset"
        )


class _Combination:
    """One combination at work."""

    def __init__(
        self,
        src: FileRanges,
        movie: Movie,
        wish: CombineRequest,
        work: Path,
        tools: Toolchain,
        runner: Runner,
    ) -> None:
        self._src, self._movie, self._wish, self._work = src, movie, wish, work
        self._tools, self._runner = tools, runner
        self._track = main_video(movie)
        self._shown = build_presentation(movie, self._track)
        if not len(self._shown):
            raise InputError("no frame of the video is ever shown", remedy="copy the file again")
        self._length = Fraction(self._shown.end, self._track.timescale)

    def perform(self, aside: Path) -> Combined:
        ready = self._prepared()
        scale = movie_timescale(
            self._track.timescale,
            [
                *(each.track.timescale for each in ready),
                *(track.timescale for track in self._movie.tracks_of_kind("audio")),
                self._movie.timescale,
            ],
        )
        sounds = [placed(each, self._length, scale, enabled=not n) for n, each in enumerate(ready)]
        told = self._brought(scale)
        kept, dropped = self._sorted()
        self._write(aside, sounds, kept, told, scale)
        self._prove(aside, sounds, told)
        return Combined(
            path=aside,
            frames=len(self._shown),
            audio=tuple(each.added for each in sounds),
            payloads=len(told.payloads) if told else 0,
            telemetry_cut=bool(told and told.cut),
            kept=tuple(_named(each, off=each.kind == "audio" and bool(sounds)) for each in kept),
            dropped=tuple(_named(each) for each in dropped),
        )

    def _write(
        self,
        aside: Path,
        sounds: Sequence[Placed],
        kept: Sequence[Track],
        told: ExternalTelemetry | None,
        scale: int,
    ) -> None:
        """The picture, the sounds added to it, what is kept beside it, and telemetry that was brought."""
        rows: list[tuple[Track | None, OutputTrack]] = [
            (self._track, passthrough(self._movie, self._track, self._src, timescale=scale)),
            *((None, each.out) for each in sounds),
            *((track, self._kept(track, scale, off=bool(sounds))) for track in kept),
            *([] if told is None else [(None, told.out)]),
        ]
        # Audio that is kept, or added as PCM, has QuickTime's own sample entry: readers go by the brand.
        own = any(track.kind == "audio" for track in kept)
        pcm = any(each.added.codec.startswith("pcm_") for each in sounds)
        quicktime = self._movie.quicktime and (own or pcm)
        brand = "qt  " if quicktime else "mp41" if self._movie.quicktime else self._movie.brand
        udta = self._movie.udta
        if told is not None and told.udta:
            udta = _with_camera(udta or b"", told.udta)
        write_mp4(
            aside,
            link_references([source for source, _ in rows], [track for _, track in rows]),
            timescale=scale,
            creation_time=self._movie.creation_time,
            udta=udta,
            meta=self._movie.meta,
            matrix=self._movie.matrix,
            brand=brand,
            compatible=("qt  ",) if quicktime else (brand, "isom", "mp41"),
        )

    def _kept(self, track: Track, scale: int, *, off: bool) -> OutputTrack:
        """A track of the video file; `off`: not its sound, for two that are switched on are heard at once."""
        copy = passthrough(self._movie, track, self._src, timescale=scale)
        return replace(copy, enabled=copy.enabled and not (off and track.kind == "audio"))

    def _prepared(self) -> list[Prepared]:
        recorders = ExternalRecordings(
            camera=self._src.path,
            movie=self._movie,
            offset=self._wish.offset,
            drift=self._wish.drift,
            copy=self._wish.copy,
            work=self._work,
            tools=self._tools,
            runner=self._runner,
        )
        return [recorders.prepared(number, path) for number, path in enumerate(self._wish.audio)]

    def _brought(self, scale: int) -> ExternalTelemetry | None:
        if self._wish.telemetry is None:
            return None
        return brought(
            self._wish.telemetry,
            offset=self._wish.telemetry_offset,
            length=self._length,
            timescale=scale,
            work=self._work,
        )

    def _sorted(self) -> tuple[list[Track], list[Track]]:
        """The video file's other tracks: those kept, and those that what is added stands for."""
        kept: list[Track] = []
        dropped: list[Track] = []
        for track in self._movie.tracks:
            if track is self._track:
                continue
            gone = track.kind == "telemetry" and self._wish.telemetry is not None
            gone |= track.kind == "audio" and bool(self._wish.audio) and self._wish.replace
            gone |= not track.media_header or track.encrypted
            (dropped if gone else kept).append(track)
        return kept, dropped

    def _prove(self, aside: Path, sounds: Sequence[Placed], told: ExternalTelemetry | None) -> None:
        with FileRanges(aside) as made:
            movie = read_movie(made)
            track = movie.tracks[0]
            shown = build_presentation(movie, track)
            if not np.array_equal(shown.pts, self._shown.pts) or track.timescale != self._track.timescale:
                raise ProofError(f"{aside.name}: the frames are not shown when the source shows them")
            if samples_digest(made, track) != samples_digest(self._src, self._track):
                raise ProofError(f"{aside.name}: the picture differs from the source's")
            for each, written in zip(sounds, movie.tracks[1:], strict=False):
                if not is_in_place(each.added, movie, written, self._length):
                    raise ProofError(
                        f"{aside.name}: the sound of {each.added.path.name} is not where it belongs"
                    )
        if told is not None:
            prove_telemetry(aside, told)


def _with_camera(own: bytes, other: bytes) -> bytes:
    """The video's udta, and of the camera that the telemetry is from what the video does not say itself."""
    boxes = list(iter_boxes(own))
    kinds = {box.kind for box in boxes}
    boxes += [box for box in iter_boxes(other) if box.kind not in kinds]
    return b"".join(bytes(box.raw) for box in boxes)


def _named(track: Track, *, off: bool = False) -> str:
    return f"{track.kind} ({track.format})" + (", switched off" if off else "")
