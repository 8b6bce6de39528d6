"""Embedded runs, their progress and their reports."""
