"""`eddyline combine`: adds external audio and telemetry to a video."""

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
from eddyline.core.processes.runner import Runner
from eddyline.edit.combine.external_recording import (
    Added,
    ExternalRecordings,
    Placed,
    Prepared,
    is_in_place,
    place_audio,
)
from eddyline.edit.combine.external_telemetry import (
    ExternalTelemetry,
    read_external_telemetry,
    verify_telemetry,
)
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

_MAX_PPM = 5000.0


@dataclass(frozen=True, kw_only=True)
class CombineRequest:
    """What to combine.

    `offset`: delay of the audio in seconds (None: 0, or as measured). `drift`: how fast the recorder's
    clock runs, in parts per million, or "auto" to measure it against the camera's audio. `replace`: drop the
    camera's audio instead of keeping it disabled. `copy`: encode no audio.
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
    """What was written; `kept` and `dropped` describe tracks of the video ("audio (mp4a), switched off")."""

    path: Path
    frames: int
    audio: tuple[Added, ...]
    payloads: int
    telemetry_cut: bool
    kept: tuple[str, ...]
    dropped: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        audio = [each.to_json() for each in self.audio]
        lists = {"kept": list(self.kept), "dropped": list(self.dropped)}
        return {**vars(self), "path": str(self.path), "audio": audio, **lists}


def combine(
    video: Path, out: Path, request: CombineRequest, *, tools: Toolchain, runner: Runner | None = None
) -> Combined:
    """Write the video with the added tracks to `out`, which appears only after it is verified.

    No frames are encoded. Audio beyond the ends of the video is cut off.

    Raises:
        InputError: the two recordings have no common audio to measure by.
        UsageError, UnsupportedError, ProofError, ToolError, TransientError: as elsewhere.
    """
    runner = runner or Runner()
    _check(video, out, request)
    with translate_errors(f"combining {video.name}"), atomic_output(out) as output:
        opened = open_source(video, work=output.work, runner=runner, tools=tools)
        with FileRanges(opened.path) as src:
            written_file = _Combination(src, opened.movie, request, output.work, tools, runner)
            done = written_file.perform(output.file)
            omitted = [f"{each.kind} ({each.what})" for each in opened.left_out]
            return replace(done, path=out, dropped=(*omitted, *done.dropped))


def _check(video: Path, out: Path, request: CombineRequest) -> None:
    sources = [video, *request.audio, *([request.telemetry] if request.telemetry else [])]
    if len(sources) == 1:
        raise UsageError("nothing to combine the video with", remedy="pass --audio or --telemetry")
    if out.exists() and any(each.exists() and out.samefile(each) for each in sources):
        raise UsageError("the result would replace a source", remedy="pass another name with --out")
    if request.drift != "auto" and abs(request.drift) > _MAX_PPM:
        raise UsageError(
            f"a drift of {request.drift} ppm is out of range", remedy=f"pass at most {_MAX_PPM:.0f}, or auto"
        )
    if not request.audio and (request.drift or request.offset):
        raise UsageError(
            "--offset and --drift apply to --audio only", remedy="for telemetry, pass --telemetry-offset"
        )


class _Combination:
    """One combination in progress."""

    def __init__(
        self,
        src: FileRanges,
        movie: Movie,
        request: CombineRequest,
        work: Path,
        tools: Toolchain,
        runner: Runner,
    ) -> None:
        self._src, self._movie, self._request, self._work = src, movie, request, work
        self._tools, self._runner = tools, runner
        self._track = main_video(movie)
        self._shown = build_presentation(movie, self._track)
        if not len(self._shown):
            raise InputError("the video presents no frame", remedy="copy the file again")
        self._length = Fraction(self._shown.end, self._track.timescale)

    def perform(self, output: Path) -> Combined:
        ready = self._prepare_audio()
        scale = movie_timescale(
            self._track.timescale,
            [
                *(each.track.timescale for each in ready),
                *(track.timescale for track in self._movie.tracks_of_kind("audio")),
                self._movie.timescale,
            ],
        )
        placed_audio = [place_audio(each, self._length, scale, enabled=not n) for n, each in enumerate(ready)]
        telemetry = self._telemetry(scale)
        kept, dropped = self._partition_tracks()
        self._write(output, placed_audio, kept, telemetry, scale)
        self._verify(output, placed_audio, telemetry)
        return Combined(
            path=output,
            frames=len(self._shown),
            audio=tuple(each.added for each in placed_audio),
            payloads=len(telemetry.payloads) if telemetry else 0,
            telemetry_cut=bool(telemetry and telemetry.cut),
            kept=tuple(
                _describe_track(each, off=each.kind == "audio" and bool(placed_audio)) for each in kept
            ),
            dropped=tuple(_describe_track(each) for each in dropped),
        )

    def _write(
        self,
        output: Path,
        placed_audio: Sequence[Placed],
        kept: Sequence[Track],
        telemetry: ExternalTelemetry | None,
        scale: int,
    ) -> None:
        """Write the video, the added audio, the kept tracks and the added telemetry."""
        rows: list[tuple[Track | None, OutputTrack]] = [
            (self._track, passthrough(self._movie, self._track, self._src, timescale=scale)),
            *((None, each.out) for each in placed_audio),
            *((track, self._kept(track, scale, off=bool(placed_audio))) for track in kept),
            *([] if telemetry is None else [(None, telemetry.out)]),
        ]
        # Kept audio, and PCM, has a QuickTime sample entry, which readers recognize by the brand.
        keeps_audio = any(track.kind == "audio" for track in kept)
        pcm = any(each.added.codec.startswith("pcm_") for each in placed_audio)
        quicktime = self._movie.quicktime and (keeps_audio or pcm)
        brand = "qt  " if quicktime else "mp41" if self._movie.quicktime else self._movie.brand
        udta = self._movie.udta
        if telemetry is not None and telemetry.udta:
            udta = _with_camera(udta or b"", telemetry.udta)
        write_mp4(
            output,
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
        """Copy a track of the video file; `off` disables its audio, because players mix enabled tracks."""
        copy = passthrough(self._movie, track, self._src, timescale=scale)
        return replace(copy, enabled=copy.enabled and not (off and track.kind == "audio"))

    def _prepare_audio(self) -> list[Prepared]:
        recorders = ExternalRecordings(
            camera=self._src.path,
            movie=self._movie,
            offset=self._request.offset,
            drift=self._request.drift,
            copy=self._request.copy,
            work=self._work,
            tools=self._tools,
            runner=self._runner,
        )
        return [recorders.prepare(number, path) for number, path in enumerate(self._request.audio)]

    def _telemetry(self, scale: int) -> ExternalTelemetry | None:
        if self._request.telemetry is None:
            return None
        return read_external_telemetry(
            self._request.telemetry,
            offset=self._request.telemetry_offset,
            length=self._length,
            timescale=scale,
            work=self._work,
        )

    def _partition_tracks(self) -> tuple[list[Track], list[Track]]:
        """Return the video file's other tracks: those kept, and those that the added tracks replace."""
        kept: list[Track] = []
        dropped: list[Track] = []
        for track in self._movie.tracks:
            if track is self._track:
                continue
            gone = track.kind == "telemetry" and self._request.telemetry is not None
            gone |= track.kind == "audio" and bool(self._request.audio) and self._request.replace
            gone |= not track.media_header or track.encrypted
            (dropped if gone else kept).append(track)
        return kept, dropped

    def _verify(
        self, output: Path, placed_audio: Sequence[Placed], telemetry: ExternalTelemetry | None
    ) -> None:
        with FileRanges(output) as written_file:
            movie = read_movie(written_file)
            track = movie.tracks[0]
            shown = build_presentation(movie, track)
            if not np.array_equal(shown.pts, self._shown.pts) or track.timescale != self._track.timescale:
                raise ProofError(f"{output.name}: the frame times differ from the source's")
            if samples_digest(written_file, track) != samples_digest(self._src, self._track):
                raise ProofError(f"{output.name}: the video samples differ from the source's")
            for each, written in zip(placed_audio, movie.tracks[1:], strict=False):
                if not is_in_place(each.added, movie, written, self._length):
                    raise ProofError(
                        f"{output.name}: the audio of {each.added.path.name} has a wrong position or duration"
                    )
        if telemetry is not None:
            verify_telemetry(output, telemetry)


def _with_camera(own: bytes, other: bytes) -> bytes:
    """Merge user data: the video's boxes, and boxes of other kinds from the telemetry's camera."""
    boxes = list(iter_boxes(own))
    kinds = {box.kind for box in boxes}
    boxes += [box for box in iter_boxes(other) if box.kind not in kinds]
    return b"".join(bytes(box.raw) for box in boxes)


def _describe_track(track: Track, *, off: bool = False) -> str:
    return f"{track.kind} ({track.format})" + (", switched off" if off else "")
