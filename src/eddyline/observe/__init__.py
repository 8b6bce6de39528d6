"""Logs as JSON lines and metrics for Prometheus. Requires the `observe` extra."""
