"""What becomes of an arrival, by values alone: the event, the object as it is, the rules, the store."""

from __future__ import annotations

from eddyline.core.backoff import BackoffPolicy
from eddyline.ingest.conditions import Arrival
from eddyline.ingest.decisions import Ignore, Park, Submit
from eddyline.ingest.rules import Accept, Rules
from eddyline.pipeline.planning.output_layout import OUTPUT, STATE
from eddyline.store.addresses import Address
from eddyline.store.object_metadata import ObjectMetadata

_BACKOFF = BackoffPolicy(base_s=5.0, cap_s=300.0)


def is_own_output(told: Submit, store: Address) -> bool:
    """Whether it lies where Eddyline itself writes: its results must not come round as footage, for ever."""
    if (store.scheme, store.bucket) != ("s3", told.bucket):
        return False
    top = f"{store.path}/" if store.path else ""
    return told.key.startswith((f"{top}{OUTPUT}/", f"{top}{STATE}/"))


def decide(told: Submit, found: ObjectMetadata, rules: Rules) -> Accept | Ignore | Park:
    """What to do about an object of which an event told; `found` is what it is now."""
    if told.etag and told.etag != found.tag:
        return Ignore(reason="it was overwritten since: a later event speaks of what is there now")
    if not found.size:
        return Ignore(reason="an empty object")
    return rules.decide(
        Arrival(
            bucket=told.bucket,
            key=told.key,
            size=found.size,
            at=found.at,  # the same however late, and however often, it is told
            content_type=found.content_type,
            metadata=found.metadata,
        )
    )


def retry_delay_s(receive_count: int) -> float:
    """How long a message waits after its `receive_count`-th receipt came to nothing."""
    return _BACKOFF.delay(receive_count)
