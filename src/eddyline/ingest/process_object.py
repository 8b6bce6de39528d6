"""One object of which a message told, taken by the rules: submitted, alone or with its chapters, or not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from eddyline.core.errors import EddylineError, UsageError
from eddyline.ingest.chapters import (
    ChapterObject,
    find_chapters,
    in_same_directory,
    is_chapter,
    remaining_wait_s,
)
from eddyline.ingest.decide import decide, is_own_output
from eddyline.ingest.decisions import Cause, Ignore, Park, Submit
from eddyline.ingest.messages import IngestOutcome
from eddyline.ingest.rules import Accept, Rules
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.planning.job_options import JobOptions
from eddyline.pipeline.submission.submit import Submitted
from eddyline.store.addresses import Address
from eddyline.store.object_metadata import ObjectMetadata

LookupObject = Callable[[str, str], ObjectMetadata | None]
"""(bucket, key) -> what the object is now; None if it is gone."""
Submitter = Callable[[Sequence[str], Profile, JobOptions], Submitted]
"""(addresses of one recording's files, in order, profile, terms) -> the asset."""
AreOneRecording = Callable[[Sequence[str]], bool]
"""(addresses) -> whether they are chapters of one recording. Raises what may pass by itself."""


class ChaptersPendingError(Exception):
    """Further chapters may come: so many seconds are to be waited for them."""

    def __init__(self, left_s: float) -> None:
        super().__init__(f"waits for further chapters, {left_s:.0f} s more")
        self.left_s = left_s


@dataclass(frozen=True, kw_only=True)
class ObjectProcessor:
    """Takes objects by `rules`. `store` is where results go: nothing of it is ever taken for footage.

    Safe from any thread, and to repeat at any time.
    """

    rules: Rules
    store: Address
    lookup: LookupObject
    submit: Submitter
    are_one_recording: AreOneRecording
    now: Callable[[], float] = time.time

    def take(self, told: Submit, message: str) -> IngestOutcome | Park:
        """Submit one object, or say why not.

        Raises `ChaptersPendingError`, `UsageError` and what may pass by itself.
        """
        note = IngestOutcome(what="ignored", message=message, address=told.address)
        if is_own_output(told, self.store):
            return replace(note, reason="a result of Eddyline's own")
        try:
            found = self.lookup(told.bucket, told.key)
            if found is None:
                return replace(note, reason="the object is gone")
            decided = decide(told, found, self.rules)
            if isinstance(decided, Park):
                return decided
            if isinstance(decided, Ignore):
                return replace(note, reason=decided.reason)
            addresses, take = self._recording(told, found, decided)
            made = self.submit(addresses, take.profile, take.terms)
        except EddylineError as error:
            if error.retry or isinstance(error, UsageError):
                raise
            return Park(reason=str(error), cause=Cause.REFUSED)
        return replace(note, what="submitted", reason=made.status, asset=made.asset, uploaded=found.at)

    def _recording(self, told: Submit, found: ObjectMetadata, take: Accept) -> tuple[list[str], Accept]:
        """All files of the recording that an object belongs to, and how the first of them is to be taken."""
        alone = [told.address], take
        if take.chapters_wait_s is None or not is_chapter(told.key):
            return alone
        parts = find_chapters(told.key, found, lambda key: self.lookup(told.bucket, key))
        left_s = remaining_wait_s(parts, take.chapters_wait_s, self.now())
        if left_s > 0:
            raise ChaptersPendingError(left_s)
        # The card's next folder may hold another recording of the same number.
        inner = in_same_directory(told.key, parts)
        for each in (parts, inner) if len(inner) < len(parts) else (parts,):
            if (whole := self._together(told, each)) is not None:
                return whole
        return alone

    def _together(self, told: Submit, parts: Sequence[ChapterObject]) -> tuple[list[str], Accept] | None:
        """The files of these parts as one recording; None where they are not to be one."""
        whole = [replace(told, key=part.key, etag=part.facts.tag) for part in parts]
        # Each chapter's message has to come to the same end: the first one's rule counts for all of them.
        first = decide(whole[0], parts[0].facts, self.rules)
        if len(parts) == 1 or not isinstance(first, Accept) or first.chapters_wait_s is None:
            return None
        addresses = [each.address for each in whole]
        return (addresses, first) if self.are_one_recording(addresses) else None
