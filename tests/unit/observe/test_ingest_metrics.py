"""The metrics of an ingest: messages, outcomes and the age of the oldest message."""

from __future__ import annotations

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from eddyline.core.clock import ManualClock
from eddyline.core.errors import TransientError
from eddyline.core.stop import Stop
from eddyline.observe.ingest_metrics import Depths, IngestMetrics
from eddyline.observe.polled_values import PolledValues

NOW = 1_700_000_000.0


def _samples(metrics: IngestMetrics) -> dict[str, float]:
    text = generate_latest(metrics.registry).decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {" ".join([s.name, *(f"{k}={v}" for k, v in sorted(s.labels.items()))]): s.value for s in samples}


def test_the_oldest_message_is_the_oldest_unsettled_one() -> None:
    clock = ManualClock(NOW)
    metrics = IngestMetrics(clock)
    assert metrics.oldest_s == 0
    metrics.record_received("a", NOW - 50)
    metrics.record_received("b", NOW - 20)
    assert metrics.oldest_s == 50
    metrics.record_settled("a", "done")
    assert metrics.oldest_s == 20
    clock.advance(5)
    assert metrics.oldest_s == 25
    metrics.record_settled("b", "parked")
    assert metrics.oldest_s == 0


def test_a_postponed_message_ages_until_another_process_must_have_received_it() -> None:
    clock = ManualClock(NOW)
    metrics = IngestMetrics(clock)
    metrics.record_received("a", NOW)
    metrics.record_postponed("a", 300)
    clock.advance(299)
    assert metrics.oldest_s == 299
    metrics.record_received("a", NOW)  # received again by this process
    clock.advance(1000)
    assert metrics.oldest_s == 1299
    metrics.record_postponed("a", 5)
    clock.advance(100)
    assert metrics.oldest_s == 0


def test_a_message_of_unknown_age_counts_as_new() -> None:
    metrics = IngestMetrics(ManualClock(NOW))
    metrics.record_received("a", 0.0)
    assert metrics.oldest_s == 0
    metrics.record_postponed("unknown", 1)
    metrics.record_settled("unknown", "done")


def test_submitted_objects_are_counted_with_the_time_since_their_upload() -> None:
    metrics = IngestMetrics(ManualClock(NOW))
    metrics.record_submitted(NOW - 3)
    metrics.record_submitted(NOW + 3)  # by a clock that is ahead
    metrics.record_submitted(None)
    metrics.record_ignored()
    metrics.record_parked("malformed")
    samples = _samples(metrics)
    assert samples["eddyline_ingest_objects_total outcome=submitted"] == 3
    assert samples["eddyline_ingest_objects_total outcome=ignored"] == 1
    assert samples["eddyline_ingest_parked_total cause=malformed"] == 1
    assert samples["eddyline_ingest_delay_seconds_count"] == 2
    assert samples["eddyline_ingest_delay_seconds_sum"] == 3


def test_the_last_depths_and_the_failures_are_exposed() -> None:
    metrics, stop = IngestMetrics(), Stop()

    def read(_now: float) -> Depths:
        if watch.latest is not None:
            stop.request("enough")
            raise TransientError("unavailable")
        return Depths(events={"visible": 3, "in_flight": 1, "delayed": 0}, parked={"visible": 2})

    watch = PolledValues(read, stop=stop, every_s=0.01)
    metrics.watch_depths(watch)
    assert "eddyline_ingest_queue_messages queue=events state=visible" not in _samples(metrics)
    watch.run()
    samples = _samples(metrics)
    assert samples["eddyline_ingest_queue_messages queue=events state=visible"] == 3
    assert samples["eddyline_ingest_queue_messages queue=parked state=visible"] == 2
    assert samples["eddyline_ingest_queue_read_failures_total"] == 1
