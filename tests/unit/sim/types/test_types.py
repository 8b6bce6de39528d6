"""The table of instance types: packaged rows, files, and the join of a catalogue."""

from __future__ import annotations

import statistics

import pytest
from benchmarks.type_table import select
from tests.shared_files import data_file
from tests.unit.fleet.catalogue.records import instance_type

from eddyline.core.errors import UsageError
from eddyline.fleet.catalogue.catalogue import Catalogue, read_catalogue
from eddyline.fleet.catalogue.throughput import Measurement, Throughput
from eddyline.sim.types import TypeFigures, builtin_types, types_from_catalogue
from eddyline.sim.types.table import COLUMNS, parse_table, write_table

HEADER = ",".join(COLUMNS)


def shared_catalogue() -> Catalogue:
    return read_catalogue(
        region="us-east-1",
        instance_types=data_file("ec2-instance-types.json.gz"),
        prices=data_file("ec2-on-demand-us-east-1.json"),
        advisor=data_file("spot-advisor-data.json"),
        throughput=data_file("ec2-measured-throughput.json"),
    )


def listed(name: str) -> list[TypeFigures]:
    return [each for each in builtin_types().values() if name in each.lists]


def test_the_table_has_the_published_lists() -> None:
    names = {
        name: {each.name for each in listed(name)} for name in ("classic", "memory", "gpu", "attributes")
    }
    assert names["classic"] == {"c3.4xlarge", "c3.8xlarge", "c4.4xlarge", "c4.8xlarge"}
    assert names["memory"] == {"r4.4xlarge"}
    assert names["gpu"] == {"g4dn.xlarge", "g4dn.2xlarge", "g5.xlarge", "g6.xlarge", "p3.2xlarge"}
    assert "m5.8xlarge" in names["attributes"]
    assert all(each.gpu for each in listed("gpu"))
    assert 60 <= len(builtin_types()) <= 85


def test_types_of_the_attributes_list_match_the_attributes() -> None:
    for each in listed("attributes"):
        assert 32 <= each.vcpu <= 64
        assert each.memory_gib is not None
        assert 32 <= each.memory_gib <= 128
        assert each.arch == "x86_64"
        assert not each.gpu
        assert each.fps_per_vcpu is not None


def test_only_the_v100_has_no_speed() -> None:
    assert [each.name for each in builtin_types().values() if each.fps is None] == ["p3.2xlarge"]


def test_frames_per_dollar_agree_with_the_known_ceilings() -> None:
    # Million frames: best On-Demand 0.99 (c8g), c8g.16xlarge on Spot 3.82, c4.4xlarge on Spot 0.6 to 1.2.
    best = max(each.frames_per_usd(spot=False) or 0 for each in builtin_types().values())
    assert best / 1e6 == pytest.approx(0.993, abs=0.001)
    spot = builtin_types()["c8g.16xlarge"].frames_per_usd(spot=True)
    assert spot is not None
    assert spot / 1e6 == pytest.approx(3.82, abs=0.01)
    for each in listed("classic"):
        assert 0.55e6 < (each.frames_per_usd(spot=True) or 0) < 1.25e6


def test_the_packaged_table_is_that_of_the_shared_figures() -> None:
    rows = parse_table(write_table(select(shared_catalogue()), []), "computed")
    assert {each.name: each for each in rows} == dict(builtin_types())


def test_the_ten_best_spot_types_have_the_known_mean() -> None:
    # 3.79: of all sizes, bare metal included; burstable types do not sustain their speed.
    catalogue = shared_catalogue()
    rates = [
        each.frames_per_usd(spot=True) or 0
        for name, each in types_from_catalogue(catalogue).items()
        if not catalogue.types[name].burstable
    ]
    assert statistics.fmean(sorted(rates)[-10:]) / 1e6 == pytest.approx(3.79, abs=0.02)


def test_a_catalogue_gives_the_types_whose_prices_and_band_are_known() -> None:
    catalogue = Catalogue(
        types={
            "c9g.large": instance_type(
                "c9g.large", vcpu=2, memory_mib=4096, architectures=frozenset({"arm64"}), accelerators=()
            ),
            "g9.large": instance_type(
                "g9.large",
                vcpu=4,
                memory_mib=8192,
                architectures=frozenset({"x86_64"}),
                accelerators=("NVIDIA T9",),
            ),
            "c9g.xlarge": instance_type("c9g.xlarge", memory_mib=8192),
        },
        on_demand={"c9g.large": 0.1, "g9.large": 1.0, "c9g.xlarge": 0.2},
        spot={"c9g.large": 0.03, "g9.large": 0.4},
        bands={"c9g.large": 0, "g9.large": 4, "c9g.xlarge": 1},
        throughput=Throughput({"c9g.large": Measurement(fps=20.0, vcpu=2, gpu=False)}),
    )
    found = types_from_catalogue(catalogue)
    assert list(found) == ["c9g.large", "g9.large"]
    first, second = found.values()
    assert (first.arch, first.fps_per_vcpu, first.gpu, first.memory_gib) == ("arm64", 10.0, False, 4.0)
    assert first.frames_per_usd(spot=True) == pytest.approx(20 * 3600 / 0.03)
    assert (second.gpu, second.fps, second.frames_per_usd(spot=False)) == (True, None, None)


def test_a_written_table_is_read_back() -> None:
    rows = tuple(builtin_types().values())
    text = write_table(rows, ["a comment", "another, with a comma"])
    assert text.startswith("# a comment\n# another")
    assert parse_table(text, "t") == rows


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("c8g.large,2", "line 2: 2 columns"),
        ("c8g.large,2,4,0.1,0.05,7,9,0,arm64,", "line 2: the band 7"),
        ("c8g.large,2,4,0.1,0.05,1,9,0,sparc,", "line 2: 'c8g.large' has the architecture 'sparc'"),
        ("c8g.large,2,4,-1,0.05,1,9,0,arm64,", "'-1' is not a number above 0"),
        ("c8g.large,2,4,nan,0.05,1,9,0,arm64,", "'nan' is not a number above 0"),
        ("c8g.large,two,4,1,0.05,1,9,0,arm64,", "could not convert"),
    ],
)
def test_a_wrong_row_is_refused(row: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_table(f"{HEADER}\n{row}\n", "t.csv")
