"""Reads and changes the build record of one codec family, and names the parts of its chunks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eddyline.core.errors import MissingError, TransientError
from eddyline.core.stop import Stop
from eddyline.media.ladder.chunks import Chunk
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.runtime.build_record import BuildRecord, parse_record
from eddyline.pipeline.runtime.parts import Part
from eddyline.store.store import Store

_KIND = "chunk"
_ATTEMPTS = 20
_PAUSE_S = 0.02  # after each attempt longer by this


def chunk_part_key(plan: Plan, index: int | str | None, *, software: bool) -> str:
    """The key of a chunk's part. Parts of software encoders have keys of their own.

    So a worker that ends late, after its family fell back, cannot overwrite them.
    """
    return plan.part_key(f"{_KIND}-software" if software else _KIND, index)


@dataclass(frozen=True, kw_only=True)
class FamilyRecord:
    """The build record of the codec family `family` of a plan."""

    store: Store
    plan: Plan
    family: str

    @property
    def key(self) -> str:
        """Its key in the store."""
        return f"{self.plan.part_key(_KIND)}s{'-' if self.family else ''}{self.family}.json"

    def read(self) -> tuple[BuildRecord | None, str | None]:
        """The record and its tag; (None, None) without one; a record of None with a tag is invalid."""
        try:
            tag = self.store.tag(self.key)  # first, so that a change in between makes the comparison fail
            return parse_record(self.store.get(self.key)), tag
        except MissingError:
            return None, None

    def change(self, decide: Callable[[BuildRecord | None], BuildRecord | None], stop: Stop) -> BuildRecord:
        """Replace the record by what `decide` returns, unless another worker changed it: then decide again.

        None: leave it as it is; there must be one then. Returns the record that is stored. Raises
        `TransientError`.
        """
        for attempt in range(_ATTEMPTS):
            found, tag = self.read()
            new = decide(found)
            if new is None and found is not None:
                return found
            if new is not None and self.store.compare_and_set(self.key, new.to_json(), tag):
                return new
            stop.wait(attempt * _PAUSE_S)
            stop.check()
        raise TransientError("other workers keep changing the build record of this asset")


def falls_back(store: Store, plan: Plan, family: str) -> bool:
    """Whether a family of hardware encoders fell back to software encoders."""
    if not plan.has_hardware(family):
        return False
    record, _ = FamilyRecord(store=store, plan=plan, family=family).read()
    return record is not None and record.software


def chunk_parts(
    store: Store, plan: Plan, chunks: Sequence[Chunk], get_part: Callable[[str], Part]
) -> tuple[Part, ...]:
    """The parts of these chunks, in order; of software encoders where a family fell back.

    Raises `MissingError`.
    """
    software = {
        family: falls_back(store, plan, family) for family in sorted({chunk.family for chunk in chunks})
    }
    return tuple(
        get_part(chunk_part_key(plan, chunk.index, software=software[chunk.family])) for chunk in chunks
    )
