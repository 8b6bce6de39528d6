"""The simulator: what a fleet costs on Spot capacity, and whether it meets its deadlines."""
