"""Measurements: `python -m benchmarks [NAME ...]`. Timings are ratios of things run side by side."""
