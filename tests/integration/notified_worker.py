"""A worker with the real inputs of a drain: `notified_worker.py LEDGER`, with the variables of the AWS SDKs.

Its jobs take the seconds in their spec and report their progress. SIGTERM gives it 12 s and a scale-in 60 s,
a tenth of the usual times.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack

from eddyline.app.drain import open_drain_controller
from eddyline.app.observability import observe
from eddyline.aws.ec2_machine import MachineReading
from eddyline.aws.ec2_metadata import InstanceMetadata
from eddyline.cli.signals import Interruption
from eddyline.core.stop import Stop
from eddyline.fleet.drain.choice import DrainRules
from eddyline.graph.job import Done, Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker
from eddyline.observe.worker_metrics import WorkerMetrics

RULES = DrainRules(margin_s=1.0, container_stop_s=12.0, scale_in_s=60.0, scale_in_wait_s=8.0, unknown_s=11.0)


def work(job: Job, context: JobContext) -> Done:
    """Takes the seconds in the job's spec."""
    seconds, began = float(job.spec["seconds"]), time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        context.progress(elapsed / seconds)
        context.stop.wait(0.1)
        context.stop.check()
    return Done(result={})


def main(location: str) -> None:
    """Runs one worker until it is drained."""
    requested_stop, stop = Stop(), Stop()
    with ExitStack() as stack:
        stack.enter_context(Interruption(requested_stop))
        observation = stack.enter_context(
            observe(WorkerMetrics(), stream=sys.stdout, level="info", metrics="", always={})
        )
        machine = MachineReading(InstanceMetadata.from_environment(os.environ)).result()
        broker = DirectBroker(stack.enter_context(Ledger.open(location)), machine=machine)
        drainer = stack.enter_context(
            open_drain_controller(
                broker,
                observation,
                stop=stop,
                requested_stop=requested_stop,
                rules=RULES,
                instance=machine.instance,
            )
        )
        handlers = drainer.wrap_handlers({"work": work})
        Worker("ada", drainer.broker, handlers, slots=1, pools=("cpu",), stop=stop).run()


if __name__ == "__main__":
    main(sys.argv[1])
