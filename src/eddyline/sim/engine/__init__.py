"""Engines that advance a simulated fleet: the exact one, job by job, and its parts."""
