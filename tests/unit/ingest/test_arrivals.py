"""Every message is settled, with any content and during any outage; every object is submitted as it is."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import pytest
from tests.unit.ingest.submission_counter import Counter
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


def created(key: str, tag: str = "t", sequencer: str = "") -> str:
    return json.dumps({"key": key, "tag": tag, "sequencer": sequencer})


def read(body: str) -> tuple[Verdict, ...]:
    """A parser as simple as can be; "boom" brings it down."""
    if body == "boom":
        raise ZeroDivisionError(body)
    if body == "test":
        return (Ignore(reason="a test notification"),)
    if not body.startswith("{"):
        return (Park(reason="not understood"),)
    plain = json.loads(body)
    return (
        Submit(
            bucket="cards",
            key=plain["key"],
            size=1,
            etag=plain["tag"],
            version="",
            sequencer=plain["sequencer"],
        ),
    )


@dataclass
class World:
    """Buckets, a ledger and an ingest over them."""

    objects: dict[str, str] = field(default_factory=dict)
    counter: Counter = field(default_factory=Counter)
    submitted: list[tuple[str, JobOptions]] = field(default_factory=list)
    notes: list[IngestOutcome] = field(default_factory=list)
    looking: Callable[[str], None] = lambda _key: None
    submitting: Callable[[str], None] = lambda _address: None
    checking: Callable[[], None] = lambda: None
    store: Address = field(default_factory=lambda: parse("s3://cards/out"))
    stop: Stop = field(default_factory=Stop)
    rules: Rules = field(default_factory=load_rules)
    now: Callable[[], float] = lambda: 0.0
    uploaded: dict[str, float] = field(default_factory=dict)
    comparing: Callable[[str], None] = lambda _address: None

    def look(self, bucket: str, key: str) -> ObjectMetadata | None:
        assert bucket == "cards"
        self.looking(key)
        tag = self.objects.get(key)
        at = self.uploaded.get(key, 5.0)
        return None if tag is None else ObjectMetadata(size=9, tag=tag, at=at, content_type="", metadata={})

    def submit(self, addresses: Sequence[str], profile: Profile, terms: JobOptions) -> Submitted:
        assert profile.name == "default"
        recording = " + ".join(addresses)
        self.submitting(recording)
        self.submitted.append((recording, terms))
        return Submitted(asset="a", name=recording, source=addresses[0], status="open")

    def are_one(self, addresses: Sequence[str]) -> bool:
        self.comparing(addresses[0])
        return not any("stranger" in address for address in addresses)

    def ingest(self) -> IngestLoop:
        return IngestLoop(
            source=self.counter,
            parse=read,
            processor=ObjectProcessor(
                rules=self.rules,
                store=self.store,
                lookup=self.look,
                submit=self.submit,
                are_one_recording=self.are_one,
                now=self.now,
            ),
            check_access=self.checking,
            stop=self.stop,
            on_outcome=self.notes.append,
        )

    def run(self, *, until: Callable[[], bool] | None = None) -> None:
        """Until every message has ended."""
        ended = until or (lambda: self.counter.empty)
        thread = threading.Thread(target=self.ingest().run)
        thread.start()
        wait_until(ended)
        self.stop.request("enough")
        thread.join(5)
        assert not thread.is_alive()
        assert ended()

    def reasons(self, what: str) -> list[str]:
        return [note.reason for note in self.notes if note.what == what]

    def causes(self) -> list[Cause | None]:
        return [note.cause for note in self.notes if note.what == "parked"]

    def addresses(self) -> list[str]:
        return [address for address, _ in self.submitted]


def raising(*errors: EddylineError | None) -> Callable[[str], None]:
    """Raise these, one a call, then nothing any more."""
    left: Iterable[EddylineError | None] = iter(errors)

    def call(_what: str) -> None:
        error = next(iter(left), None)
        if error is not None:
            raise error

    return call


def test_a_new_object_is_submitted_and_its_message_acknowledged() -> None:
    world = World(objects={"a.mp4": "t"})
    world.counter.send(created("a.mp4"))
    world.run()
    assert world.addresses() == ["s3://cards/a.mp4"]
    assert not world.counter.parked


def test_duplicates_in_any_order_are_settled() -> None:
    keys = [f"{n}.mp4" for n in range(20)]
    world = World(objects=dict.fromkeys(keys, "t"))
    bodies = [created(key) for key in keys] * 3
    random.Random(7).shuffle(bodies)
    world.counter.send(*bodies)
    world.run()
    assert set(world.addresses()) == {f"s3://cards/{key}" for key in keys}


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_only_the_current_version_of_an_object_is_submitted(order: tuple[str, str]) -> None:
    world = World(objects={"a.mp4": "new"})
    world.counter.send(*(created("a.mp4", tag) for tag in order))
    world.run()
    assert world.addresses() == ["s3://cards/a.mp4"]
    assert any("overwritten" in reason for reason in world.reasons("ignored"))


def test_a_deleted_object_is_ignored_even_during_its_submission() -> None:
    world = World(objects={"b.mp4": "t"})

    def vanish(_address: str) -> None:
        if world.objects.pop("b.mp4", None):
            raise MissingError("it is not there")

    world.submitting = vanish
    world.counter.send(created("a.mp4"), created("b.mp4"))
    world.run()
    assert world.reasons("ignored") == ["the object is gone"] * 2
    assert not world.submitted


def test_outputs_of_eddyline_are_not_ingested() -> None:
    own = ["out/assets/ab/1080p.mp4", "out/.eddyline/parts/x.mp4"]
    world = World(objects=dict.fromkeys([*own, "out/raw.mp4", "assets/x.mp4"], "t"))
    world.counter.send(*(created(key) for key in world.objects))
    world.run()
    assert sorted(world.addresses()) == ["s3://cards/assets/x.mp4", "s3://cards/out/raw.mp4"]


def test_a_store_in_another_bucket_excludes_nothing() -> None:
    world = World(objects={"assets/x.mp4": "t"}, store=parse("s3://results"))
    world.counter.send(created("assets/x.mp4"))
    world.run()
    assert world.addresses() == ["s3://cards/assets/x.mp4"]


def test_test_notifications_are_settled_and_garbage_is_parked() -> None:
    world = World()
    world.counter.send("test", "garbage")
    world.run()
    assert world.counter.parked == {"garbage": "not understood"}
    assert world.causes() == [Cause.MALFORMED]


def test_a_message_that_crashes_the_parser_is_parked_after_its_attempts() -> None:
    world = World(objects={"a.mp4": "t"})
    world.counter.send("boom", created("a.mp4"))
    world.run()
    assert "8 times" in world.counter.parked["boom"]
    assert "ZeroDivisionError" in world.counter.parked["boom"]
    assert all(counts_as_attempt for _, counts_as_attempt in world.counter.delays)
    assert world.addresses() == ["s3://cards/a.mp4"]


def test_a_message_whose_receivers_all_died_is_parked_unparsed() -> None:
    world = World()
    world.counter.send("boom", receive_count=8)
    world.run()
    assert "by processes that did not finish" in world.counter.parked["boom"]
    assert world.causes() == [Cause.DEADLY]


def test_messages_with_few_receipts_are_processed_first() -> None:
    world = World(objects=dict.fromkeys(("often.mp4", "once.mp4"), "t"))
    world.counter.send(created("often.mp4"), receive_count=5)
    world.counter.send(created("once.mp4"))
    ingest = world.ingest()
    ingest.threads = 1
    thread = threading.Thread(target=ingest.run)
    thread.start()
    wait_until(lambda: world.counter.empty)
    world.stop.request("enough")
    thread.join(5)
    assert world.addresses() == ["s3://cards/once.mp4", "s3://cards/often.mp4"]


def test_an_unavailable_store_postpones_messages_without_using_attempts() -> None:
    world = World(objects={"a.mp4": "t"})
    world.looking = raising(*[TransientError("the store is away")] * 2)
    world.checking = partial(raising(*[TransientError("the store is away")] * 2), "")
    world.counter.send(created("a.mp4"))
    world.run()
    assert world.addresses() == ["s3://cards/a.mp4"]
    assert len(world.counter.delays) == 2
    assert not any(counts_as_attempt for _, counts_as_attempt in world.counter.delays)
    assert all(delay > 0 for delay, _ in world.counter.delays)


def test_an_unavailable_ledger_postpones_messages() -> None:
    world = World(objects={"a.mp4": "t"})
    world.submitting = raising(TransientError("the ledger is away"))
    world.checking = partial(raising(TransientError("the ledger is away")), "")
    world.counter.send(created("a.mp4"))
    world.run()
    assert world.addresses() == ["s3://cards/a.mp4"]
    assert not any(counts_as_attempt for _, counts_as_attempt in world.counter.delays)


def test_an_object_that_keeps_failing_is_parked() -> None:
    world = World(objects={"a.mp4": "t"}, looking=raising(*[TransientError("a strange answer")] * 99))
    world.counter.send(created("a.mp4"))
    world.run()
    assert world.counter.parked == {created("a.mp4"): "failed 8 times; last error: a strange answer"}
    assert world.causes() == [Cause.FAILING]


def test_an_unavailable_queue_does_not_end_the_loop() -> None:
    world = World(objects={"a.mp4": "t"})
    world.counter.send(created("a.mp4"))
    world.counter.away = True

    def seen() -> bool:
        world.counter.away = not world.notes
        return world.counter.empty

    world.run(until=seen)
    assert world.addresses() == ["s3://cards/a.mp4"]


@pytest.mark.parametrize("error", [UsageError("access is denied"), InputError("no bytes")])
def test_a_refused_object_is_parked_with_the_reason(error: EddylineError) -> None:
    world = World(objects={"a.mp4": "t"}, submitting=raising(error))
    world.counter.send(created("a.mp4"))
    world.run()
    assert world.counter.parked == {created("a.mp4"): f"s3://cards/a.mp4: {error.message}"}
    assert world.causes() == [Cause.REFUSED]


def test_a_process_without_access_ends_and_parks_nothing() -> None:
    def refuse() -> None:
        raise UsageError("the secret key is wrong")

    world = World(objects={"a.mp4": "t"}, looking=raising(UsageError("access is denied")), checking=refuse)
    world.counter.send(created("a.mp4"))
    with pytest.raises(UsageError, match="secret key"):
        world.ingest().run()
    assert not world.counter.parked
    assert [message.body for message in world.counter.waiting] == [created("a.mp4")]
    assert world.counter.delays == [(0.0, False)]


def test_a_stop_ends_the_loop_within_two_seconds_during_processing() -> None:
    keys = [f"{n}.mp4" for n in range(10)]
    world = World(objects=dict.fromkeys(keys, "t"))
    hanging, release = threading.Event(), threading.Event()

    def hang(_address: str) -> None:
        hanging.set()
        release.wait(30)

    world.submitting = hang
    world.counter.send(*(created(key) for key in keys))
    thread = threading.Thread(target=world.ingest().run)
    thread.start()
    assert hanging.wait(30)
    began = time.monotonic()
    world.stop.request("enough")
    thread.join(5)
    assert time.monotonic() - began < 10
    assert not thread.is_alive()
    release.set()


def test_killed_processes_lose_no_object() -> None:
    """Receivers that die with what they had in hand, again and again."""
    keys = [f"{n}.mp4" for n in range(30)]
    world = World(objects=dict.fromkeys(keys, "t"))
    world.counter.send(*(created(key) for key in keys))
    rng = random.Random(3)
    for _ in range(3):
        for message in world.counter.receive(0):
            if rng.random() < 0.5:
                world.counter.acknowledge(message)
                world.submitted.append((f"s3://cards/{json.loads(message.body)['key']}", JobOptions()))
        world.counter.lose_receivers()
    world.run()
    assert set(world.addresses()) == {f"s3://cards/{key}" for key in keys}
