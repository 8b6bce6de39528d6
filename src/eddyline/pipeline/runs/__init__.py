"""Runs: submission, progress, events and the report."""
