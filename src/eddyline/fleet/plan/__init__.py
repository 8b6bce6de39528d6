"""The plan of a fleet: what the pools of `pools.yaml` mean in types, Spot pools, quotas and dollars. Pure."""
