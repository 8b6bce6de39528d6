"""Random machines, as rows of the record and as the columns of the dashboard."""

from __future__ import annotations

import random

from eddyline.fleet.dashboard.machines import Machines, Vocabularies, machines_of
from eddyline.graph.instance import Instance
from eddyline.graph.ledger.fleet.machine_rows import COLUMNS

START, STOP = 1_700_000_000.0, 1_700_000_000.0 + 30 * 86_400
VCPU = {"c7i.large": 2, "c7a.xlarge": 4, "": 0}


def random_instances(seed: int, count: int = 400) -> list[Instance]:
    """Machines around a month, with unknown types, zones, lifecycles, launches and vCPU among them."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        launched = rng.uniform(START - 10 * 86_400, STOP + 86_400)
        ended = launched + rng.expovariate(1 / 86_400)
        runs = rng.random() < 0.1
        lifecycle = rng.choices(["spot", "on-demand", ""], [8, 2, 1])[0]
        ended_by = rng.choice(["interruption", "scale-in", "other"]) if lifecycle == "spot" else "scale-in"
        instance_type = rng.choice(list(VCPU))
        warned = rng.random() < 0.8 and ended_by == "interruption"
        found.append(
            Instance(
                instance=f"i-{number:017x}",
                pool=rng.choice(["cpu", "gpu"]),
                instance_type=instance_type,
                zone=rng.choice(["us-east-1a", "us-east-1b", ""]),
                lifecycle=lifecycle,
                vcpu=VCPU[instance_type] or None,
                launched=None if rng.random() < 0.05 else launched,
                terminated=None if runs else ended,
                warned_at=ended - 120 if warned and not runs else None,
                ended_by="" if runs else ended_by,
            )
        )
    return found


def columns_of(instances: list[Instance]) -> Machines:
    """The columns of these machines."""
    rows = [tuple(getattr(each, name) for name in COLUMNS) for each in instances]
    return machines_of(rows, Vocabularies.empty())
