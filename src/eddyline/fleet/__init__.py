"""Pools of workers, notices about terminations, and draining."""
