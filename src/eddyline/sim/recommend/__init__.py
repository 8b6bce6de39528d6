"""Recommends pools for a load: candidates are simulated, and the best one becomes a section of pools.yaml."""
