"""A coordinator in a separate process: `coordinator_process.py LEDGER ENDPOINT PREFIX`."""

from __future__ import annotations

import sys

from tests.integration.aws_site import queue_names, queues

from eddyline.aws.sqs.transport import SqsTransport
from eddyline.core.stop import Stop
from eddyline.graph.coordinator.coordinator import Coordinator
from eddyline.graph.ledger.ledger import Ledger


def main(location: str, endpoint: str, prefix: str) -> None:
    names = queue_names(prefix)
    with Ledger.open(location, publishes=True) as ledger:
        Coordinator(
            ledger,
            SqsTransport(queues(endpoint, names)),
            pools=names.pools,
            stop=Stop(),
            lease_s=20,
            hold_s=1.0,
            sweep_every_s=0.5,
        ).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
