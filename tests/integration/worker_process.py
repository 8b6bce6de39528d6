"""A worker in a separate process, without a database: `worker_process.py ENDPOINT PREFIX NAME LOG`.

It appends the id of each started job to LOG. A probe job spawns one more job.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from tests.integration.aws_site import queue_names, queues

from eddyline.aws.sqs.broker import SqsBroker
from eddyline.core.stop import Stop
from eddyline.graph.job import Done, Job, NewJob
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker


def main(endpoint: str, prefix: str, name: str, log: Path) -> None:
    assert not any(module.startswith(("psycopg", "sqlite3")) for module in sys.modules)
    rng = random.Random(name)
    broker = SqsBroker(queues(endpoint, queue_names(prefix)), visibility_s=3, wait_s=2)
    with log.open("a", buffering=1) as lines:

        def work(job: Job, _context: JobContext) -> Done:
            lines.write(f"{job.id}\n")
            time.sleep(rng.uniform(0, 0.03))
            return Done(result={"by": name, "n": job.spec.get("n")}, spawn=_spawn(job))

        Worker(name, broker, {"work": work}, slots=2, pools=("cpu",), stop=Stop(), lease_s=3).run()


def _spawn(job: Job) -> tuple[NewJob, ...]:
    if not job.id.endswith("-probe"):
        return ()
    return (
        NewJob(id=f"{job.asset}-extra", asset=job.asset, kind="work", spec={"n": 9}, dependencies=(job.id,)),
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
