"""A process that scales as a coordinator does, with a short lease: LEDGER OWNER."""

from __future__ import annotations

import os
import sys
import time

from tests.servers.fleet_model.resources import REGION
from tests.unit.app.fleet.scaled_fleet import scaled_pools

from eddyline.app.fleet.scaler import FleetScaler
from eddyline.aws.autoscaling_groups import AutoScalingGroups
from eddyline.aws.clients import open_client
from eddyline.graph.ledger.ledger import Ledger

LEASE_S = 3.0
STEP_S = 0.3


def main(location: str, owner: str) -> None:
    """Scale until the process is killed."""
    client = open_client("autoscaling", endpoint=os.environ["AWS_ENDPOINT_URL_AUTO_SCALING"], region=REGION)
    groups = AutoScalingGroups(client)
    with Ledger.open(location) as ledger:
        scaler = FleetScaler(
            ledger, lambda: groups, prefix="eddyline", pools=scaled_pools(), owner=owner, lease_s=LEASE_S
        )
        while True:
            scaler.step()
            time.sleep(STEP_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
