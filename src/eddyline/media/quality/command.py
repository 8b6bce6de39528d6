"""The FFmpeg command that decodes the reference once and every encoded file, and compares their frames.

    slice 0 -+-> filters of the encode -+-> [v0] -> numbered -+-> libvmaf -> ssim -> ... -> (discarded)
    slice 1 -'                          |                     |
                                        |    file 0 -> numbered
                                        '-> [v1] -> numbered -+-> libvmaf -> ...
                                             file 1 -> numbered

Frames are paired by their number alone. Both sides get the timestamp 10 n: FFmpeg pairs by time, and the
times of two files differ by rounding, so that it would compare some frames with their neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from eddyline.media.quality.comparison import Distorted, Reference
from eddyline.media.quality.metrics import Metric, is_defined, model
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video.filters import joined_filter_graph

_NUMBERED = ("settb=1/1000", "setpts=N*10")
_CLOCK = ("-enc_time_base", "1:1000")
_V0 = (Metric.VMAF, Metric.VMAF_NEG)
_DEEP = "yuv420p10le"


@dataclass(frozen=True, kw_only=True)
class Log:
    """A file that the command writes in its working directory: values of `metrics` of file `number`."""

    name: str
    number: int
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, kw_only=True)
class Command:
    """The command, to be run in the directory of its logs, and the logs. Paths of inputs are absolute."""

    argv: tuple[str, ...]
    logs: tuple[Log, ...]


def measure_command(
    reference: Reference,
    distorted: Sequence[Distorted],
    metrics: Sequence[Metric],
    tools: Toolchain,
    threads: int = 1,
) -> Command:
    """The command that measures `metrics` of all files, as far as the frame sizes permit.

    The results do not depend on `threads`.
    """
    graph = [joined_filter_graph(reference.pieces, reference.facts, reference.rungs, reference.grid)]
    slices = [track for piece in reference.pieces for track in piece.tracks]
    places = {rung.name: place for place, rung in enumerate(reference.rungs)}
    users = {name: [at for at, each in enumerate(distorted) if each.rung.name == name] for name in places}
    for name, place in places.items():
        labels = "".join(f"[r{at}]" for at in users[name])
        ways = len(users[name])
        graph.append(
            f"[v{place}]" + (f"split={ways}{labels}" if ways > 1 else f"null{labels}" if ways else "nullsink")
        )
    logs: list[Log] = []
    for at, each in enumerate(distorted):
        wanted = [metric for metric in metrics if is_defined(metric, each.rung.width, each.rung.height)]
        comparison = _Comparison(
            number=at, file=each, fps=reference.grid.fps / each.rung.frame_step, threads=threads
        )
        graph += comparison.graph(wanted, len(slices) + at)
        logs += comparison.logs
    inputs = [*(track.path for track in slices), *(each.path for each in distorted)]
    argv = (
        *(str(tools.ffmpeg), *FFMPEG_BASE),
        *(
            part
            for path in inputs
            for part in (
                *("-threads", str(threads), "-copyts", "-noautorotate", "-an", "-sn", "-dn"),
                *("-reinit_filter", "0", *input_args(path.absolute())),
            )
        ),
        *("-filter_complex_threads", str(threads), "-filter_complex", ";".join(graph)),
        *(
            part
            for at in range(len(distorted))
            for part in ("-map", f"[o{at}]", "-fps_mode", "passthrough", *_CLOCK, "-f", "null", "-")
        ),
    )
    return Command(argv=argv, logs=tuple(logs))


@dataclass(kw_only=True)
class _Comparison:
    """The filters that compare one file with its reference `[rN]`, from input to `[oN]`, and their logs."""

    number: int
    file: Distorted
    fps: Fraction
    threads: int
    logs: list[Log] = field(default_factory=list)

    def graph(self, metrics: Sequence[Metric], stream: int) -> list[str]:
        """The filter chains. Input `stream` of the command is the file."""
        filters = self._filters(metrics)
        at, rung = self.number, self.file.rung
        reference = [*_NUMBERED, f"format={rung.pixel_format}"]
        sides = [f"[r{at}_{place}]" for place in range(len(filters))]
        split = f",split={len(filters)}" if len(filters) > 1 else "" if filters else ",nullsink"
        chains = [f"[r{at}]" + ",".join(reference) + split + "".join(sides)]
        shown = f"[{stream}:v:0]" + ",".join([*self._selection(), *_NUMBERED, *self._scaling()])
        labels = [f"[d{at}_{place}]" for place in range(len(filters))] + [f"[o{at}]"]
        chains.append(shown + labels[0])
        for place, (deep, filter_) in enumerate(filters):
            main, side = labels[place], sides[place]
            if deep:
                chains += [f"{main}format={_DEEP}[m{at}]", f"{side}format={_DEEP}[s{at}]"]
                main, side = f"[m{at}]", f"[s{at}]"
            chains.append(f"{main}{side}{filter_}:eof_action=endall{labels[place + 1]}")
        return chains

    def _selection(self) -> list[str]:
        if self.file.ranges is None:
            return []
        terms = "+".join(f"between(pts\\,{start}\\,{stop - 1})" for start, stop in self.file.ranges)
        return [f"select={terms}"]

    def _scaling(self) -> list[str]:
        # Without a change of size, the scale filter passes frames on unchanged.
        rung = self.file.rung
        return [f"scale={rung.width}:{rung.height}:flags=bicubic", f"format={rung.pixel_format}"]

    def _filters(self, metrics: Sequence[Metric]) -> list[tuple[bool, str]]:
        """(whether its input has 10 bits, the filter) in the order in which the frames pass them."""
        native = tuple(metric for metric in metrics if metric in {*_V0, Metric.CAMBI})
        found = [(False, self._libvmaf(native, features=Metric.CAMBI in native))] if native else []
        found += [
            (False, f"{metric}=stats_file={self._log(metric)}")
            for metric in metrics
            if metric in {Metric.PSNR, Metric.SSIM, Metric.XPSNR}
        ]
        if Metric.VMAF_V1 in metrics:
            # The model expects 10 bits, in which it sees banding. They are exact: 8 bits times 4.
            found.append((True, self._libvmaf((Metric.VMAF_V1,))))
        return found

    def _libvmaf(self, metrics: tuple[Metric, ...], *, features: bool = False) -> str:
        rung = self.file.rung
        models = "|".join(
            f"version={name}\\:name={metric}" + (self._cambi("cambi.") if metric is Metric.VMAF_V1 else "")
            for metric in metrics
            if (name := model(metric, rung.width, rung.height, self.fps)) is not None
        )
        options = [
            *([f"model='{models}'"] if models else []),
            *([f"feature='name=cambi{self._cambi()}'"] if features else []),
            f"log_fmt=json:log_path={self._log(*metrics)}",
            f"n_threads={self.threads if self.threads > 1 else 0}:n_subsample={self.file.interval}",
        ]
        return "libvmaf=" + ":".join(options)

    def _cambi(self, prefix: str = "") -> str:
        """The size and bits of the encoded frames, from which CAMBI concludes what banding looks like."""
        width, height = self.file.encoded_size or (self.file.rung.width, self.file.rung.height)
        bits = 10 if self.file.rung.pixel_format == _DEEP else 8
        options = {"enc_bitdepth": bits}
        if is_defined(Metric.CAMBI, width, height):
            options |= {"enc_width": width, "enc_height": height}
        return "".join(f"\\:{prefix}{name}={value}" for name, value in options.items())

    def _log(self, *metrics: Metric) -> str:
        log = Log(name=f"scores-{self.number}-{metrics[0]}.log", number=self.number, metrics=metrics)
        self.logs.append(log)
        return log.name
