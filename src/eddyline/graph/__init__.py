"""The job graph: jobs, dependencies, leases, workers and coordinators. Contains no media processing."""
