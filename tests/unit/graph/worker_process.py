"""A process that runs a worker until no job is open: `worker_process.py LEDGER NAME LOG SECONDS [LEASE]`.

It appends a line for each started job to LOG: the id and the time.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from eddyline.core.errors import Interrupted
from eddyline.core.stop import Stop
from eddyline.graph.job import Done, Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker


def main(location: str, name: str, log: Path, seconds: float, lease_s: float) -> None:
    with Ledger.open(location) as ledger, log.open("a", buffering=1) as lines:

        def work(job: Job, context: JobContext) -> Done:
            lines.write(f"start {job.id} {time.time()}\n")
            if context.stop.wait(seconds):
                lines.write(f"stopped {job.id} {time.time()}\n")
                raise Interrupted("stop requested")
            return Done(result={"by": name})

        Worker(
            name,
            DirectBroker(ledger),
            {"work": work},
            slots=2,
            pools=("cpu",),
            stop=Stop(),
            lease_s=lease_s,
            exit_when=lambda: not ledger.has_open(),
        ).run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]), float((*sys.argv, "6")[5]))
