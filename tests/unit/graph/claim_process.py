"""A process that claims and settles jobs until none is open: `claim_process.py LEDGER LOG GO`.

It creates the file LOG when it is ready and starts when the file GO exists. It appends the id of each job
whose result the ledger accepted to LOG.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from eddyline.graph.job import Done, NewJob, Settlement
from eddyline.graph.ledger.ledger import Ledger

LEASE_S = 1.0


def main(location: str, log: Path, go: Path) -> None:
    name = log.stem
    rng = random.Random(name)
    with Ledger.open(location) as ledger, log.open("a", buffering=1) as lines:
        ledger.register(name, "here", 0, LEASE_S)
        while not go.exists():
            time.sleep(0.002)
        while ledger.has_open():
            ledger.expire_leases()
            claims = ledger.claim(name, pools=("cpu",), limit=rng.randint(1, 4), lease_s=LEASE_S)
            time.sleep(rng.uniform(0, 0.02))
            settlements = [
                Settlement(
                    job_id=claim.job.id,
                    fence=claim.fence,
                    outcome=Done(result={"by": name}, spawn=_spawn(claim.job.id)),
                )
                for claim in claims
            ]
            for settlement, accepted in zip(settlements, ledger.settle(settlements), strict=True):
                if accepted:
                    lines.write(f"{settlement.job_id}\n")


def _spawn(job_id: str) -> tuple[NewJob, ...]:
    """The one job that each probe adds."""
    asset, kind = job_id.split("-", 1)
    if kind != "probe":
        return ()
    return (NewJob(id=f"{asset}-extra", asset=asset, kind="extra", spec={}, dependencies=(job_id,)),)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
