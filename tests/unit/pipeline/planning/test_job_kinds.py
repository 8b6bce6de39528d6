"""The table of job kinds is consistent."""

from __future__ import annotations

from eddyline.graph.ledger.catalogue.kinds import INTERNAL_KINDS, PLANNING_KINDS, PUBLISHING_KIND
from eddyline.pipeline.planning.job_kinds import JOB_KINDS, furthest_stage, job_kind


def test_a_kind_is_listed_after_its_dependencies() -> None:
    earlier: set[str] = set()
    for kind in JOB_KINDS.values():
        assert set(kind.dependencies) <= earlier
        earlier.add(kind.name)


def test_one_kind_publishes_and_one_encodes_video() -> None:
    assert [kind.name for kind in JOB_KINDS.values() if kind.publishes] == ["publish"]
    assert [kind.name for kind in JOB_KINDS.values() if kind.encodes_video] == ["chunk"]


def test_the_catalogue_knows_the_same_kinds() -> None:
    planning = {kind.name for kind in JOB_KINDS.values() if not kind.planned}
    assert planning == PLANNING_KINDS | {"analyze"}
    assert [kind.name for kind in JOB_KINDS.values() if kind.publishes] == [PUBLISHING_KIND]
    assert {kind.name for kind in JOB_KINDS.values() if kind.internal} == INTERNAL_KINDS


def test_internal_kinds_run_after_publication_and_publish_no_files() -> None:
    for kind in JOB_KINDS.values():
        if kind.internal:
            assert kind.dependencies == ("publish",)
            assert kind.output_directory is None


def test_an_unknown_kind_has_default_properties() -> None:
    kind = job_kind("of-a-newer-version")
    assert (kind.stage, kind.internal, kind.publishes) == ("encode", False, False)


def test_the_furthest_stage_is_the_last_in_order() -> None:
    assert furthest_stage(["encode", "publish", "assemble"]) == "publish"
