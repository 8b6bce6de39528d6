"""The packaged table of instance types (`types.csv`): its rows, how they are read and written.

`python -m benchmarks.type_table` computes the table from current files.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from eddyline.core.errors import UsageError
from eddyline.fleet.catalogue.prices import BANDS
from eddyline.sim.types.figures import TypeFigures

COLUMNS = (
    "name",
    "vcpu",
    "memory_gib",
    "on_demand_usd_h",
    "spot_usd_h",
    "band",
    "fps_per_vcpu",
    "gpu",
    "arch",
    "lists",
)


@cache
def builtin_types() -> Mapping[str, TypeFigures]:
    """The types of the packaged table, by name. Its header names sources, dates and licences."""
    text = files("eddyline.sim.types").joinpath("types.csv").read_text("utf-8")
    return MappingProxyType({each.name: each for each in parse_table(text, "types.csv")})


def parse_table(text: str, name: str) -> tuple[TypeFigures, ...]:
    """The rows of a table; lines that begin with # are comments. Raises `UsageError` that names the line."""
    found: list[TypeFigures] = []
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if not line.startswith("#")]
    rows = csv.reader(line for _, line in lines)
    for (number, _), row in zip(lines, rows, strict=True):
        if not found and tuple(row) == COLUMNS:
            continue
        try:
            found.append(_figures(row))
        except (ValueError, IndexError) as error:
            raise UsageError(
                f"{name}, line {number}: {str(error)[:100]}", remedy=f"the columns are {','.join(COLUMNS)}"
            ) from error
    return tuple(found)


def write_table(types: Iterable[TypeFigures], comments: Iterable[str]) -> str:
    """The text of a table; prices are rounded to a millionth of a dollar, the speed to four digits."""
    out = io.StringIO()
    out.writelines(f"# {line}\n" for line in comments)
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for each in types:
        rows.writerow(
            [
                each.name,
                each.vcpu,
                "" if each.memory_gib is None else f"{each.memory_gib:g}",
                f"{each.on_demand_usd_h:.6g}",
                f"{each.spot_usd_h:.6g}",
                each.band,
                "" if each.fps_per_vcpu is None else f"{each.fps_per_vcpu:.4f}",
                int(each.gpu),
                each.arch,
                " ".join(each.lists),
            ]
        )
    return out.getvalue()


def _figures(row: list[str]) -> TypeFigures:
    if len(row) != len(COLUMNS):
        raise ValueError(f"{len(row)} columns instead of {len(COLUMNS)}")
    fields = dict(zip(COLUMNS, row, strict=True))
    band = int(fields["band"])
    if not 0 <= band < len(BANDS):
        raise ValueError(f"the band {band} is not from 0 to {len(BANDS) - 1}")
    arch = fields["arch"]
    if arch not in {"x86_64", "arm64"} or not fields["name"]:
        raise ValueError(f"{fields['name']!a} has the architecture {arch!a}")
    return TypeFigures(
        name=fields["name"],
        vcpu=int(_positive(fields["vcpu"])),
        memory_gib=_positive(fields["memory_gib"]) if fields["memory_gib"] else None,
        on_demand_usd_h=_positive(fields["on_demand_usd_h"]),
        spot_usd_h=_positive(fields["spot_usd_h"]),
        band=band,
        fps_per_vcpu=_positive(fields["fps_per_vcpu"]) if fields["fps_per_vcpu"] else None,
        gpu=fields["gpu"] == "1",
        arch="arm64" if arch == "arm64" else "x86_64",
        lists=tuple(fields["lists"].split()),
    )


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError(f"{text[:40]!a} is not a number above 0")
    return value
