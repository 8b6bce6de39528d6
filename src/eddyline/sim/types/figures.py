"""What the simulator knows of an instance type."""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.fleet.instance_types import Architecture

_HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class TypeFigures:
    """One instance type in one region.

    Prices are in dollars an hour, for Linux. `band` is the Spot advisor's share of instances interrupted in a
    month, an index of `fleet.catalogue.prices.BANDS`. `fps_per_vcpu`: frames a second and vCPU of a machine
    whose slots are all busy, of the measured job; None if it was not measured. `lists` names the published
    lists that the type belongs to, such as "classic".
    """

    name: str
    vcpu: int
    memory_gib: float | None
    on_demand_usd_h: float
    spot_usd_h: float
    band: int
    fps_per_vcpu: float | None
    gpu: bool
    arch: Architecture
    lists: tuple[str, ...] = ()

    @property
    def fps(self) -> float | None:
        """Frames a second of the machine with all slots busy."""
        return None if self.fps_per_vcpu is None else self.fps_per_vcpu * self.vcpu

    def frames_per_usd(self, *, spot: bool) -> float | None:
        """Frames for a dollar, with all slots busy; None without a measured speed."""
        price = self.spot_usd_h if spot else self.on_demand_usd_h
        return None if self.fps is None else self.fps * _HOUR_S / price
