"""The processes and commands of the fleet: its events, metrics, record, reports, plan and rollouts."""
