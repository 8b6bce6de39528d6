"""Capacity: what there is, what it says of its own end, and what a worker does about that."""
