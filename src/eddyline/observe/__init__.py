"""What operators see: logs as JSON lines, metrics for Prometheus. Needs the extra `observe`."""
