"""The policies that the simulator compares."""
