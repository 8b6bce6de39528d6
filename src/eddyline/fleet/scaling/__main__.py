"""`python -m eddyline.fleet.scaling [PREFIX [POOLS.YAML]]` prints the scaling policies as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from eddyline.fleet.pools import load_pools
from eddyline.fleet.scaling.pool_bounds import scaled_pools
from eddyline.fleet.scaling.table import scaling_table


def main(arguments: list[str]) -> str:
    """The table of all pools with machines."""
    prefix, path = ([*arguments, "", ""])[:2]
    pools = load_pools(Path(path) if path else None)
    return json.dumps(scaling_table(scaled_pools(pools), prefix or "eddyline"), indent=2)


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]) + "\n")
