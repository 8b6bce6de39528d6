"""VMAF and bitrate as functions of the CRF, fitted to probes, and the CRFs that reach a target.

What a frame lacks to VMAF 100 (its loss) grows exponentially with the CRF, and its bits fall exponentially:

    loss = loss of the run * exp(growth * (crf - crf of the probe))

The rates are those of the title: from runs that were probed twice, and a usual value that counts like one
such run. The level is that of each chunk, drawn towards the mean of the title as far as the differences
between runs may be chance. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import exp, log
from statistics import fmean, variance
from typing import Final

from eddyline.media.crf_search.probe import Probe
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.encoders import ENCODERS
from eddyline.media.ladder.ladder import Rung
from eddyline.media.ladder.smart_settings import SmartSettings

_GROWTH: Final = {"h264": 0.14, "hevc": 0.14, "av1": 0.07}  # of the loss, by the CRF's unit
_DECAY: Final = {"h264": 0.13, "hevc": 0.13, "av1": 0.07}  # of the bits
_USUAL_WEIGHT: Final = 16.0  # of the usual rate: like that of a run that is probed with CRFs 4 apart
_RATE_RANGE: Final = (0.7, 1.4)  # of the usual rate
_MIN_LOSS: Final = 0.5  # VMAF is at most 100, and says little close to it
_NOISE: Final = 0.18  # standard deviation of the logarithm of a run's loss within a chunk
_MAX_CHANGE: Final = 5.0  # of the CRF, from the nearest probe
_P5_BELOW: Final = 5.0  # the 5th percentile of the frames may be so far below the target
_MAX_ABOVE: Final = 0.7  # the mean is raised by at most so much for the sake of the 5th percentile


@dataclass(frozen=True, kw_only=True)
class RungModel:
    """The model of one rung: `probes` are all those of its title, in any order; there may be none yet."""

    rung: Rung
    settings: SmartSettings
    probes: Sequence[Probe]

    @cached_property
    def growth(self) -> float:
        """By how much the logarithm of the loss grows for each unit of the CRF."""
        return self._rate(_GROWTH[self.rung.codec], lambda probe: log(self._loss(probe)))

    @cached_property
    def decay(self) -> float:
        """By how much the logarithm of the bitrate falls for each unit of the CRF."""
        return self._rate(_DECAY[self.rung.codec], lambda probe: -log(max(probe.frame_bits, 1)))

    def title_crf(self) -> float:
        """The CRF for all chunks together, as the probes suggest: the one to probe next."""
        if not self.probes:
            return self._allowed(self.rung.crf)
        losses = fmean(exp(self._level(runs)) for runs in self._runs.values())
        return self._allowed(self._crf_of(log(losses)))

    def chunk_crfs(self, chunks: Sequence[int]) -> tuple[float, ...]:
        """The CRF of each chunk, by its number, in steps that the encoder accepts."""
        crfs = {chunk: self._crf_of(self._chunk_level(chunk)) for chunk in chunks}
        change = self._to_target(crfs)
        crfs = {chunk: crf + change for chunk, crf in crfs.items()}
        lowered = self._lowered_for_p5(crfs)
        return tuple(self._allowed(crfs[chunk] - lowered) for chunk in chunks)

    def predicted(self, crfs: Mapping[int, float]) -> list[float]:
        """The VMAF of the probed frames if their chunks are encoded with these CRFs."""
        return [
            100 - loss * exp(self.growth * (crfs[probe.chunk] - probe.crf))
            for probe in self._nearest(crfs)
            for loss in self._losses(probe)
        ]

    def predicted_kbps(self, crfs: Mapping[int, float], grid: Grid) -> float:
        """The bitrate of the probed frames if their chunks are encoded with these CRFs."""
        return fmean(
            probe.kbps(grid) * exp(-self.decay * (crfs[probe.chunk] - probe.crf))
            for probe in self._nearest(crfs)
        )

    @cached_property
    def _runs(self) -> dict[int, list[Probe]]:
        """The probes of each run, by its first frame."""
        runs: dict[int, list[Probe]] = {}
        for probe in sorted(self.probes, key=lambda each: (each.start, each.crf)):
            runs.setdefault(probe.start, []).append(probe)
        return runs

    def _nearest(self, crfs: Mapping[int, float]) -> list[Probe]:
        """Of each run, the probe that is nearest to the CRF of its chunk."""
        return [min(runs, key=lambda each: abs(each.crf - crfs[each.chunk])) for runs in self._runs.values()]

    def _losses(self, probe: Probe) -> list[float]:
        return [max(100 - value, _MIN_LOSS) for value in probe.vmaf]

    def _loss(self, probe: Probe) -> float:
        return fmean(self._losses(probe))

    def _level(self, runs: Iterable[Probe]) -> float:
        """The logarithm of the loss of a run at CRF 0."""
        return fmean(log(self._loss(probe)) - self.growth * probe.crf for probe in runs)

    def _chunk_level(self, chunk: int) -> float:
        """The level of a chunk, by its own runs as far as they say more than those of the whole title."""
        levels = {start: self._level(runs) for start, runs in self._runs.items()}
        own = [level for start, level in levels.items() if self._runs[start][0].chunk == chunk]
        title = fmean(levels.values())
        if not own:
            return title
        between = max(variance(levels.values()) - _NOISE**2, 0.0) if len(levels) > 1 else 0.0
        trust = between / (between + _NOISE**2 / len(own))
        return title + trust * (fmean(own) - title)

    def _crf_of(self, level: float) -> float:
        """The CRF at which the loss is that of the target, not far from a probe."""
        crf = (log(100 - self.settings.target_vmaf) - level) / self.growth
        nearest = min((probe.crf for probe in self.probes), key=lambda each: abs(each - crf))
        return min(max(crf, nearest - _MAX_CHANGE), nearest + _MAX_CHANGE)

    def _to_target(self, crfs: Mapping[int, float]) -> float:
        """The change of all CRFs that gives the probed frames the target as their mean."""
        losses = fmean(100 - value for value in self.predicted(crfs))
        change = log((100 - self.settings.target_vmaf) / losses) / self.growth
        return min(max(change, -_MAX_CHANGE), _MAX_CHANGE)

    def _lowered_for_p5(self, crfs: Mapping[int, float]) -> float:
        """By how much all CRFs are lowered so that few frames are far below the target."""
        losses = sorted(100 - value for value in self.predicted(crfs))
        target = 100 - self.settings.target_vmaf
        worst = losses[min(int(len(losses) * 0.95), len(losses) - 1)]
        wanted = log(worst / (target + _P5_BELOW)) / self.growth
        most = log(target / (target - _MAX_ABOVE)) / self.growth
        return min(max(wanted, 0.0), most)

    def _allowed(self, crf: float) -> float:
        """The nearest CRF that the settings permit and the encoder accepts."""
        encoder = ENCODERS[self.rung.encoder]
        low = max(self.rung.crf - self.settings.max_decrease, encoder.quality[0])
        high = min(self.rung.crf + self.settings.max_increase, encoder.quality[1])
        return round(min(max(crf, low), high) / encoder.quality_step) * encoder.quality_step

    def _rate(self, usual: float, value: Callable[[Probe], float]) -> float:
        """The slope of `value` by the CRF in runs that were probed twice, and the usual one."""
        product, square = _USUAL_WEIGHT * usual, _USUAL_WEIGHT
        for runs in self._runs.values():
            for one, two in pairwise(runs):
                change = two.crf - one.crf
                product += change * (value(two) - value(one))
                square += change**2
        low, high = _RATE_RANGE
        return min(max(product / square, low * usual), high * usual)
