"""A worker with a command listener, on either broker: `drainable_worker.py LOCATION PREFIX NAME LOG S`.

LOCATION is the endpoint of the queues, or the ledger (then PREFIX is empty). A job takes S seconds. It
appends the start and the end of each job to LOG: `start a-1 TIME`, `end a-1 TIME`, `stopped a-1 TIME`.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tests.integration.aws_site import LEASE_S, queue_names, queues

from eddyline.aws.sqs.broker import SqsBroker
from eddyline.core.errors import Interrupted
from eddyline.core.stop import Stop
from eddyline.fleet.drain.command_listener import CommandListener
from eddyline.fleet.drain.controller import DrainController
from eddyline.graph.job import Done, Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker


def main(location: str, prefix: str, name: str, log: Path, seconds: float) -> None:
    stop = Stop()
    with ExitStack() as stack:
        lines = stack.enter_context(log.open("a", buffering=1))
        broker: Broker
        if prefix:
            broker = SqsBroker(queues(location, queue_names(prefix)), visibility_s=LEASE_S)
            stack.callback(broker.close)
        else:
            broker = DirectBroker(stack.enter_context(Ledger.open(location)))

        def work(job: Job, context: JobContext) -> Done:
            lines.write(f"start {job.id} {time.time()}\n")
            stopped = context.stop.wait(seconds)
            lines.write(f"{'stopped' if stopped else 'end'} {job.id} {time.time()}\n")
            if stopped:
                raise Interrupted("stop requested")
            return Done(result={"by": name})

        controller = DrainController(broker, stop=stop)
        stack.callback(controller.close)
        listener = CommandListener(controller.broker, worker=name, on_notice=controller.apply)
        stack.callback(listener.close)
        handlers = controller.wrap_handlers({"work": work})
        Worker(name, controller.broker, handlers, slots=1, pools=("cpu",), stop=stop, lease_s=LEASE_S).run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]), float(sys.argv[5]))
