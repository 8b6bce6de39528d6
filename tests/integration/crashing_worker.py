"""A worker that its first job kills, as if out of memory: `crashing_worker.py ENDPOINT PREFIX NAME`."""

from __future__ import annotations

import os
import sys

from tests.integration.aws_site import queue_names, queues

from eddyline.aws.sqs.broker import SqsBroker
from eddyline.core.stop import Stop
from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker


def main(endpoint: str, prefix: str, name: str) -> None:
    broker = SqsBroker(queues(endpoint, queue_names(prefix)), visibility_s=1, wait_s=1)

    def work(_job: Job, _context: JobContext) -> Done:
        os._exit(9)

    Worker(name, broker, {"work": work}, slots=1, pools=("cpu",), stop=Stop(), lease_s=1).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
