"""Figures of instance types from a catalogue: files of a user, or what AWS answers."""

from __future__ import annotations

from collections.abc import Mapping

from eddyline.fleet.catalogue.catalogue import Catalogue
from eddyline.fleet.catalogue.instance_types import InstanceType
from eddyline.sim.types.figures import TypeFigures

_GIB = 1024  # MiB


def types_from_catalogue(catalogue: Catalogue) -> Mapping[str, TypeFigures]:
    """The types with known attributes, On-Demand and Spot prices and band, by name, in that order.

    Types whose speed was not measured are included, without `fps_per_vcpu`.
    """
    return {
        name: _figures(catalogue.types[name], catalogue)
        for name in sorted(catalogue.types)
        if name in catalogue.on_demand and name in catalogue.spot and name in catalogue.bands
    }


def _figures(each: InstanceType, catalogue: Catalogue) -> TypeFigures:
    speed = catalogue.throughput
    fps = None if speed is None else speed.machine_fps(each.name, each.vcpu)
    return TypeFigures(
        name=each.name,
        vcpu=each.vcpu,
        memory_gib=each.memory_mib / _GIB,
        on_demand_usd_h=catalogue.on_demand[each.name],
        spot_usd_h=catalogue.spot[each.name],
        band=catalogue.bands[each.name],
        fps_per_vcpu=None if fps is None else fps / each.vcpu,
        gpu=any("NVIDIA" in name for name in each.accelerators),
        arch="arm64" if "arm64" in each.architectures else "x86_64",
    )
