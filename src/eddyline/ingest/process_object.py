"""The processing of one object of an event: submitted by the rules, alone or with its chapters, or not."""

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
"""(bucket, key) -> the object's current metadata; None if it is gone."""
Submitter = Callable[[Sequence[str], Profile, JobOptions], Submitted]
"""(addresses of the files of one recording, in order, profile, options) -> the asset."""
AreOneRecording = Callable[[Sequence[str]], bool]
"""(addresses) -> whether they are chapters of one recording. Raises transient errors."""


class ChaptersPendingError(Exception):
    """More chapters may arrive within `left_s` seconds."""

    def __init__(self, left_s: float) -> None:
        super().__init__(f"waiting {left_s:.0f} s more for further chapters")
        self.left_s = left_s


@dataclass(frozen=True, kw_only=True)
class ObjectProcessor:
    """Processes objects by `rules`. `store` is where outputs go: its objects are never ingested.

    Safe from any thread; idempotent. `now` returns seconds since 1970.
    """

    rules: Rules
    store: Address
    lookup: LookupObject
    submit: Submitter
    are_one_recording: AreOneRecording
    now: Callable[[], float] = time.time

    def process(self, event: Submit, message: str) -> IngestOutcome | Park:
        """Submit one object, or return why not.

        Raises `ChaptersPendingError`, `UsageError` and transient errors.
        """
        outcome = IngestOutcome(what="ignored", message=message, address=event.address)
        if is_own_output(event, self.store):
            return replace(outcome, reason="an output of Eddyline")
        try:
            found = self.lookup(event.bucket, event.key)
            if found is None:
                return replace(outcome, reason="the object is gone")
            decision = decide(event, found, self.rules)
            if isinstance(decision, Park):
                return decision
            if isinstance(decision, Ignore):
                return replace(outcome, reason=decision.reason)
            addresses, accepted = self._recording(event, found, decision)
            submitted = self.submit(addresses, accepted.profile, accepted.options)
        except EddylineError as error:
            if error.retry or isinstance(error, UsageError):
                raise
            return Park(reason=str(error), cause=Cause.REFUSED)
        return replace(
            outcome, what="submitted", reason=submitted.status, asset=submitted.asset, uploaded=found.at
        )

    def _recording(self, event: Submit, found: ObjectMetadata, accepted: Accept) -> tuple[list[str], Accept]:
        """The files of the recording that an object belongs to, and the decision about the first of them."""
        alone = [event.address], accepted
        if accepted.chapters_wait_s is None or not is_chapter(event.key):
            return alone
        chapters = find_chapters(event.key, found, lambda key: self.lookup(event.bucket, key))
        left_s = remaining_wait_s(chapters, accepted.chapters_wait_s, self.now())
        if left_s > 0:
            raise ChaptersPendingError(left_s)
        # The card's next directory may hold another recording of the same number.
        beside = in_same_directory(event.key, chapters)
        for each in (chapters, beside) if len(beside) < len(chapters) else (chapters,):
            if (recording := self._merge(event, each)) is not None:
                return recording
        return alone

    def _merge(self, event: Submit, chapters: Sequence[ChapterObject]) -> tuple[list[str], Accept] | None:
        """The files of these chapters as one recording; None if they are not to be merged."""
        events = [replace(event, key=each.key, etag=each.metadata.tag) for each in chapters]
        # The rule for the first chapter applies to all, so that each chapter's message has the same outcome.
        first = decide(events[0], chapters[0].metadata, self.rules)
        if len(chapters) == 1 or not isinstance(first, Accept) or first.chapters_wait_s is None:
            return None
        addresses = [each.address for each in events]
        return (addresses, first) if self.are_one_recording(addresses) else None
