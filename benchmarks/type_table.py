"""Computes the simulator's table of instance types (`src/eddyline/sim/types/types.csv`) from current files.

    python -m benchmarks.type_table --instance-types FILE --prices FILE --advisor FILE --throughput FILE \\
        --source "On-Demand prices: 2026-07-20" > src/eddyline/sim/types/types.csv

The files are those of `eddyline fleet plan`. The table has the cheapest types per frame on Spot and
On-Demand, and the published lists, which `lists` names.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from eddyline.fleet.capacity import Requirements
from eddyline.fleet.catalogue.catalogue import Catalogue, read_catalogue
from eddyline.fleet.catalogue.matching import matching_types
from eddyline.fleet.pools import load_pools
from eddyline.sim.types import TypeFigures, types_from_catalogue
from eddyline.sim.types.table import write_table

BEST_SPOT, BEST_ON_DEMAND, ATTRIBUTES, MOST_VCPU = 40, 10, 34, 64
# The lists of the published set-up (pools `memory` and `cpu` of pools.yaml; r5b has no measured speed), and
# the GPU types of the recorded traces and of pool `gpu`.
CLASSIC = ("c3.4xlarge", "c3.8xlarge", "c4.4xlarge", "c4.8xlarge")
MEMORY = ("r4.4xlarge",)
GPU = ("g4dn.xlarge", "g4dn.2xlarge", "g5.xlarge", "g6.xlarge", "p3.2xlarge")
BASELINE = "m5.8xlarge"
# DescribeInstanceTypes leaves out p3.2xlarge by 2026: 8 vCPU, 61 GiB, https://aws.amazon.com/ec2/instance-types/p3
# as of 2024.
P3 = ("p3.2xlarge", 8, 61.0)


def all_figures(catalogue: Catalogue) -> Mapping[str, TypeFigures]:
    """The figures of a catalogue, and of p3.2xlarge."""
    found = dict(types_from_catalogue(catalogue))
    name, vcpu, memory = P3
    if name not in found and name in catalogue.on_demand and name in catalogue.spot:
        found[name] = TypeFigures(
            name=name,
            vcpu=vcpu,
            memory_gib=memory,
            on_demand_usd_h=catalogue.on_demand[name],
            spot_usd_h=catalogue.spot[name],
            band=catalogue.bands[name],
            fps_per_vcpu=None,
            gpu=True,
            arch="x86_64",
        )
    return found


def select(catalogue: Catalogue) -> list[TypeFigures]:
    """The rows of the table, by name."""
    figures = all_figures(catalogue)
    plain = [each for each in figures.values() if _fills_a_slot(each, catalogue)]
    lists = {
        "best-spot": _cheapest(plain, BEST_SPOT, spot=True),
        "best-on-demand": _cheapest(plain, BEST_ON_DEMAND, spot=False),
        "classic": [name for name in CLASSIC if name in figures],
        "memory": [name for name in MEMORY if name in figures],
        "gpu": [name for name in GPU if name in figures],
        "attributes": _attributes(figures, catalogue),
    }
    chosen = sorted({name for names in lists.values() for name in names})
    return [
        replace(figures[name], lists=tuple(label for label, names in lists.items() if name in names))
        for name in chosen
    ]


def _fills_a_slot(each: TypeFigures, catalogue: Catalogue) -> bool:
    """Whether a type sustains its speed and starts fast: not burstable, not bare metal, no GPU."""
    kind = catalogue.types.get(each.name)
    return (
        kind is not None
        and not (kind.burstable or kind.bare_metal or kind.accelerators)
        and each.vcpu <= MOST_VCPU
        and each.fps_per_vcpu is not None
    )


def _cheapest(types: Iterable[TypeFigures], most: int, *, spot: bool) -> list[str]:
    ranked = sorted(types, key=lambda each: (-(each.frames_per_usd(spot=spot) or 0), each.name))
    return [each.name for each in ranked[:most]]


def _attributes(figures: Mapping[str, TypeFigures], catalogue: Catalogue) -> list[str]:
    """`ATTRIBUTES` of the types that match pool `cpu`, at even ranks of frames per dollar."""
    pool = load_pools().pools["cpu"]
    requirements = None if pool.capacity is None else pool.capacity.requirements
    if not isinstance(requirements, Requirements):
        raise SystemExit("pool cpu of pools.yaml has no requirements")
    matching = [each.name for each in matching_types(requirements, pool.arch, catalogue.types.values())]
    measured = [figures[name] for name in matching if name in figures and figures[name].fps_per_vcpu]
    ranked = _cheapest(measured, len(measured), spot=True)
    others = [name for name in ranked if name != BASELINE]
    last, wanted = len(others) - 1, ATTRIBUTES - 1
    even = (
        others if len(others) <= wanted else [others[round(n * last / (wanted - 1))] for n in range(wanted)]
    )
    return [*even, *(name for name in ranked if name == BASELINE)]


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Print the table of instance types of the simulator.")
    for name in ("instance-types", "prices", "advisor", "throughput"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--source", action="append", default=[], help="a comment line with source and date")
    given = parser.parse_args(arguments)
    catalogue = read_catalogue(
        region=given.region,
        instance_types=given.instance_types,
        prices=given.prices,
        advisor=given.advisor,
        throughput=given.throughput,
    )
    comments = [
        f"Instance types of the simulator: {given.region}, Linux.",
        "Computed by python -m benchmarks.type_table.",
        "Spot prices are the On-Demand prices less the saving of the Spot Instance advisor.",
        "fps_per_vcpu: measured FFmpeg frames a second and vCPU of the family's sizes up to 8 vCPU.",
        *given.source,
    ]
    sys.stdout.write(write_table(select(catalogue), comments))


if __name__ == "__main__":
    main(sys.argv[1:])
