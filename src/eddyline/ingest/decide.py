"""The decision about a new object, a pure function of event, metadata, rules and store."""

from __future__ import annotations

from eddyline.core.backoff import BackoffPolicy
from eddyline.ingest.conditions import Arrival
from eddyline.ingest.decisions import Ignore, Park, Submit
from eddyline.ingest.rules import Accept, Rules
from eddyline.pipeline.planning.output_layout import OUTPUT, STATE
from eddyline.store.addresses import Address
from eddyline.store.object_metadata import ObjectMetadata

_BACKOFF = BackoffPolicy(base_s=5.0, cap_s=300.0)


def is_own_output(event: Submit, store: Address) -> bool:
    """Whether the object is an output of Eddyline in `store`: ingesting it would never end."""
    if (store.scheme, store.bucket) != ("s3", event.bucket):
        return False
    top = f"{store.path}/" if store.path else ""
    return event.key.startswith((f"{top}{OUTPUT}/", f"{top}{STATE}/"))


def decide(event: Submit, found: ObjectMetadata, rules: Rules) -> Accept | Ignore | Park:
    """The decision about the object of an event; `found` is its current metadata."""
    if event.etag and event.etag != found.tag:
        return Ignore(reason="overwritten since: a later event reports the current object")
    if not found.size:
        return Ignore(reason="an empty object")
    return rules.decide(
        Arrival(
            bucket=event.bucket,
            key=event.key,
            size=found.size,
            at=found.at,  # independent of when, and how often, the event is delivered
            content_type=found.content_type,
            metadata=found.metadata,
        )
    )


def retry_delay_s(receive_count: int) -> float:
    """Seconds to wait after a failure at receipt number `receive_count`."""
    return _BACKOFF.delay(receive_count)
