"""A worker as in production, with times divided by `SCALE`: `worker_process.py LEDGER INSTANCE SLOTS`.

AWS_EC2_METADATA_SERVICE_ENDPOINT has the address of the instance metadata that shows its notice. A job takes
the seconds in its spec, and reports its progress. Prints the time (seconds since 1970) when it begins to ask
for jobs.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack

from tests.validation.scenario import DRAIN_RULES, LEASE_S, METADATA_POLL_S, SCALE

from eddyline.aws.ec2_metadata import InstanceMetadata, MetadataWatch
from eddyline.core.stop import Stop
from eddyline.fleet.drain.command_listener import CommandListener
from eddyline.fleet.drain.controller import DrainController
from eddyline.graph.job import Done, Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker

_PROGRESS_S = 0.5 / SCALE  # as FFmpeg reports it


def work(job: Job, context: JobContext) -> Done:
    """Takes the seconds in the job's spec, and no CPU time."""
    seconds, began = float(job.spec["seconds"]), time.monotonic()
    while (left := began + seconds - time.monotonic()) > 0:
        context.progress(1 - left / seconds)
        context.stop.wait(min(left, _PROGRESS_S))
        context.stop.check()
    return Done(result={})


def main(location: str, instance: str, slots: int) -> None:
    """Runs until the worker is drained or killed."""
    stop, ended = Stop(), Stop()
    reported: list[float] = []

    def report_ready() -> None:
        if not reported:
            reported.append(time.time())
            sys.stdout.write(f"{reported[0]}\n")
            sys.stdout.flush()

    def log_error(message: str) -> None:
        sys.stderr.write(f"{message}\n")

    with ExitStack() as stack:
        machine = Machine(pool="cpu", instance=instance, slots=slots)
        broker = DirectBroker(stack.enter_context(Ledger.open(location)), machine=machine)
        controller = DrainController(broker, stop=stop, rules=DRAIN_RULES, instance=instance)
        stack.callback(controller.close)
        listener = CommandListener(controller.broker, worker=instance, on_notice=controller.apply)
        stack.callback(listener.close)
        metadata = InstanceMetadata.from_environment(os.environ)
        assert metadata is not None
        watch = MetadataWatch(
            metadata,
            controller.apply,
            stop=ended,
            on_error=log_error,
            every_s=METADATA_POLL_S,
        )
        watch.start()
        stack.callback(ended.request, "the worker has ended")
        Worker(
            instance,
            controller.broker,
            controller.wrap_handlers({"work": work}),
            slots=slots,
            pools=("cpu",),
            stop=stop,
            lease_s=LEASE_S,
            on_round=report_ready,
        ).run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
