"""Every message is settled, with any content and during any outage; only current objects are submitted."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import pytest
from tests.unit.ingest.memory_source import MemorySource
from tests.waiting import wait_until

from eddyline.core.errors import EddylineError, InputError, MissingError, TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.ingest.arrivals import IngestLoop
from eddyline.ingest.decisions import Cause, Ignore, Park, Submit, Verdict
from eddyline.ingest.messages import IngestOutcome
from eddyline.ingest.process_object import ObjectProcessor
from eddyline.ingest.rules import Rules, load_rules
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.planning.job_options import JobOptions
from eddyline.pipeline.submission.submit import Submitted
from eddyline.store.addresses import Address, parse
from eddyline.store.object_metadata import ObjectMetadata


def created_event(key: str, tag: str = "t", sequencer: str = "") -> str:
    return json.dumps({"key": key, "tag": tag, "sequencer": sequencer})


def parse_body(body: str) -> tuple[Verdict, ...]:
    """A simple parser; it raises an error for "boom"."""
    if body == "boom":
        raise ZeroDivisionError(body)
    if body == "test":
        return (Ignore(reason="a test notification"),)
    if not body.startswith("{"):
        return (Park(reason="not understood"),)
    event = json.loads(body)
    return (
        Submit(
            bucket="cards",
            key=event["key"],
            size=1,
            etag=event["tag"],
            version="",
            sequencer=event["sequencer"],
        ),
    )


@dataclass
class FakeIngest:
    """An ingest loop with a fake bucket, ledger and message source."""

    objects: dict[str, str] = field(default_factory=dict)
    source: MemorySource = field(default_factory=MemorySource)
    submitted: list[tuple[str, JobOptions]] = field(default_factory=list)
    outcomes: list[IngestOutcome] = field(default_factory=list)
    on_lookup: Callable[[str], None] = lambda _key: None
    on_submit: Callable[[str], None] = lambda _address: None
    on_check: Callable[[], None] = lambda: None
    store: Address = field(default_factory=lambda: parse("s3://cards/out"))
    stop: Stop = field(default_factory=Stop)
    rules: Rules = field(default_factory=load_rules)
    now: Callable[[], float] = lambda: 0.0
    uploaded: dict[str, float] = field(default_factory=dict)
    on_compare: Callable[[str], None] = lambda _address: None

    def lookup(self, bucket: str, key: str) -> ObjectMetadata | None:
        assert bucket == "cards"
        self.on_lookup(key)
        tag = self.objects.get(key)
        at = self.uploaded.get(key, 5.0)
        return None if tag is None else ObjectMetadata(size=9, tag=tag, at=at, content_type="", metadata={})

    def submit(self, addresses: Sequence[str], profile: Profile, options: JobOptions) -> Submitted:
        assert profile.name == "default"
        recording = " + ".join(addresses)
        self.on_submit(recording)
        self.submitted.append((recording, options))
        return Submitted(asset="a", name=recording, source=addresses[0], status="open")

    def are_one_recording(self, addresses: Sequence[str]) -> bool:
        self.on_compare(addresses[0])
        return not any("stranger" in address for address in addresses)

    def make_loop(self) -> IngestLoop:
        return IngestLoop(
            source=self.source,
            parse=parse_body,
            processor=ObjectProcessor(
                rules=self.rules,
                store=self.store,
                lookup=self.lookup,
                submit=self.submit,
                are_one_recording=self.are_one_recording,
                now=self.now,
            ),
            check_access=self.on_check,
            stop=self.stop,
            on_outcome=self.outcomes.append,
        )

    def run(self, *, until: Callable[[], bool] | None = None) -> None:
        """Runs the loop until every message is settled, or until the condition `until`."""
        is_over = until or (lambda: self.source.empty)
        thread = threading.Thread(target=self.make_loop().run)
        thread.start()
        wait_until(is_over)
        self.stop.request("enough")
        thread.join(5)
        assert not thread.is_alive()
        assert is_over()

    def reasons(self, what: str) -> list[str]:
        return [outcome.reason for outcome in self.outcomes if outcome.what == what]

    def causes(self) -> list[Cause | None]:
        return [outcome.cause for outcome in self.outcomes if outcome.what == "parked"]

    def addresses(self) -> list[str]:
        return [address for address, _ in self.submitted]


def raising(*errors: EddylineError | None) -> Callable[[str], None]:
    """A function that raises these errors, one per call, and then none."""
    remaining: Iterable[EddylineError | None] = iter(errors)

    def call(_what: str) -> None:
        error = next(iter(remaining), None)
        if error is not None:
            raise error

    return call


def test_a_new_object_is_submitted_and_its_message_acknowledged() -> None:
    ingest = FakeIngest(objects={"a.mp4": "t"})
    ingest.source.send(created_event("a.mp4"))
    ingest.run()
    assert ingest.addresses() == ["s3://cards/a.mp4"]
    assert not ingest.source.parked


def test_duplicates_in_any_order_are_settled() -> None:
    keys = [f"{n}.mp4" for n in range(20)]
    ingest = FakeIngest(objects=dict.fromkeys(keys, "t"))
    bodies = [created_event(key) for key in keys] * 3
    random.Random(7).shuffle(bodies)
    ingest.source.send(*bodies)
    ingest.run()
    assert set(ingest.addresses()) == {f"s3://cards/{key}" for key in keys}


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_only_the_current_version_of_an_object_is_submitted(order: tuple[str, str]) -> None:
    ingest = FakeIngest(objects={"a.mp4": "new"})
    ingest.source.send(*(created_event("a.mp4", tag) for tag in order))
    ingest.run()
    assert ingest.addresses() == ["s3://cards/a.mp4"]
    assert any("overwritten" in reason for reason in ingest.reasons("ignored"))


def test_a_deleted_object_is_ignored_even_during_its_submission() -> None:
    ingest = FakeIngest(objects={"b.mp4": "t"})

    def delete(_address: str) -> None:
        if ingest.objects.pop("b.mp4", None):
            raise MissingError("not found")

    ingest.on_submit = delete
    ingest.source.send(created_event("a.mp4"), created_event("b.mp4"))
    ingest.run()
    assert ingest.reasons("ignored") == ["the object is gone"] * 2
    assert not ingest.submitted


def test_outputs_of_eddyline_are_not_ingested() -> None:
    own = ["out/assets/ab/1080p.mp4", "out/.eddyline/parts/x.mp4"]
    ingest = FakeIngest(objects=dict.fromkeys([*own, "out/raw.mp4", "assets/x.mp4"], "t"))
    ingest.source.send(*(created_event(key) for key in ingest.objects))
    ingest.run()
    assert sorted(ingest.addresses()) == ["s3://cards/assets/x.mp4", "s3://cards/out/raw.mp4"]


def test_a_store_in_another_bucket_excludes_nothing() -> None:
    ingest = FakeIngest(objects={"assets/x.mp4": "t"}, store=parse("s3://results"))
    ingest.source.send(created_event("assets/x.mp4"))
    ingest.run()
    assert ingest.addresses() == ["s3://cards/assets/x.mp4"]


def test_test_notifications_are_settled_and_garbage_is_parked() -> None:
    ingest = FakeIngest()
    ingest.source.send("test", "garbage")
    ingest.run()
    assert ingest.source.parked == {"garbage": "not understood"}
    assert ingest.causes() == [Cause.MALFORMED]


def test_a_message_that_crashes_the_parser_is_parked_after_its_attempts() -> None:
    ingest = FakeIngest(objects={"a.mp4": "t"})
    ingest.source.send("boom", created_event("a.mp4"))
    ingest.run()
    assert "8 times" in ingest.source.parked["boom"]
    assert "ZeroDivisionError" in ingest.source.parked["boom"]
    assert all(counts_as_attempt for _, counts_as_attempt in ingest.source.delays)
    assert ingest.addresses() == ["s3://cards/a.mp4"]


def test_a_message_whose_receivers_all_died_is_parked_unparsed() -> None:
    ingest = FakeIngest()
    ingest.source.send("boom", receive_count=8)
    ingest.run()
    assert "by processes that did not finish" in ingest.source.parked["boom"]
    assert ingest.causes() == [Cause.DEADLY]


def test_messages_with_few_receipts_are_processed_first() -> None:
    ingest = FakeIngest(objects=dict.fromkeys(("often.mp4", "once.mp4"), "t"))
    ingest.source.send(created_event("often.mp4"), receive_count=5)
    ingest.source.send(created_event("once.mp4"))
    loop = ingest.make_loop()
    loop.threads = 1
    thread = threading.Thread(target=loop.run)
    thread.start()
    wait_until(lambda: ingest.source.empty)
    ingest.stop.request("enough")
    thread.join(5)
    assert ingest.addresses() == ["s3://cards/once.mp4", "s3://cards/often.mp4"]


def test_an_unavailable_store_postpones_messages_without_using_attempts() -> None:
    ingest = FakeIngest(objects={"a.mp4": "t"})
    ingest.on_lookup = raising(*[TransientError("the store is unavailable")] * 2)
    ingest.on_check = partial(raising(*[TransientError("the store is unavailable")] * 2), "")
    ingest.source.send(created_event("a.mp4"))
    ingest.run()
    assert ingest.addresses() == ["s3://cards/a.mp4"]
    assert len(ingest.source.delays) == 2
    assert not any(counts_as_attempt for _, counts_as_attempt in ingest.source.delays)
    assert all(delay > 0 for delay, _ in ingest.source.delays)


def test_an_unavailable_ledger_postpones_messages() -> None:
    ingest = FakeIngest(objects={"a.mp4": "t"})
    ingest.on_submit = raising(TransientError("the ledger is unavailable"))
    ingest.on_check = partial(raising(TransientError("the ledger is unavailable")), "")
    ingest.source.send(created_event("a.mp4"))
    ingest.run()
    assert ingest.addresses() == ["s3://cards/a.mp4"]
    assert not any(counts_as_attempt for _, counts_as_attempt in ingest.source.delays)


def test_an_object_that_keeps_failing_is_parked() -> None:
    ingest = FakeIngest(
        objects={"a.mp4": "t"}, on_lookup=raising(*[TransientError("an unexpected response")] * 99)
    )
    ingest.source.send(created_event("a.mp4"))
    ingest.run()
    assert ingest.source.parked == {
        created_event("a.mp4"): "failed 8 times; last error: an unexpected response"
    }
    assert ingest.causes() == [Cause.FAILING]


def test_an_unavailable_queue_does_not_end_the_loop() -> None:
    ingest = FakeIngest(objects={"a.mp4": "t"})
    ingest.source.send(created_event("a.mp4"))
    ingest.source.unavailable = True

    def is_over() -> bool:
        ingest.source.unavailable = not ingest.outcomes
        return ingest.source.empty

    ingest.run(until=is_over)
    assert ingest.addresses() == ["s3://cards/a.mp4"]


@pytest.mark.parametrize("error", [UsageError("access is denied"), InputError("no bytes")])
def test_a_refused_object_is_parked_with_the_reason(error: EddylineError) -> None:
    ingest = FakeIngest(objects={"a.mp4": "t"}, on_submit=raising(error))
    ingest.source.send(created_event("a.mp4"))
    ingest.run()
    assert ingest.source.parked == {created_event("a.mp4"): f"s3://cards/a.mp4: {error.message}"}
    assert ingest.causes() == [Cause.REFUSED]


def test_a_process_without_access_ends_and_parks_nothing() -> None:
    def deny() -> None:
        raise UsageError("the secret key is wrong")

    ingest = FakeIngest(
        objects={"a.mp4": "t"}, on_lookup=raising(UsageError("access is denied")), on_check=deny
    )
    ingest.source.send(created_event("a.mp4"))
    with pytest.raises(UsageError, match="secret key"):
        ingest.make_loop().run()
    assert not ingest.source.parked
    assert [message.body for message in ingest.source.waiting] == [created_event("a.mp4")]
    assert ingest.source.delays == [(0.0, False)]


def test_a_stop_ends_the_loop_within_two_seconds_during_processing() -> None:
    keys = [f"{n}.mp4" for n in range(10)]
    ingest = FakeIngest(objects=dict.fromkeys(keys, "t"))
    hanging, release = threading.Event(), threading.Event()

    def hang(_address: str) -> None:
        hanging.set()
        release.wait(30)

    ingest.on_submit = hang
    ingest.source.send(*(created_event(key) for key in keys))
    thread = threading.Thread(target=ingest.make_loop().run)
    thread.start()
    assert hanging.wait(30)
    began = time.monotonic()
    ingest.stop.request("enough")
    thread.join(5)
    assert time.monotonic() - began < 10
    assert not thread.is_alive()
    release.set()


def test_killed_processes_lose_no_object() -> None:
    """Receivers die repeatedly before they have settled their messages."""
    keys = [f"{n}.mp4" for n in range(30)]
    ingest = FakeIngest(objects=dict.fromkeys(keys, "t"))
    ingest.source.send(*(created_event(key) for key in keys))
    rng = random.Random(3)
    for _ in range(3):
        for message in ingest.source.receive(0):
            if rng.random() < 0.5:
                ingest.source.acknowledge(message)
                ingest.submitted.append((f"s3://cards/{json.loads(message.body)['key']}", JobOptions()))
        ingest.source.lose_receivers()
    ingest.run()
    assert set(ingest.addresses()) == {f"s3://cards/{key}" for key in keys}
