"""Submits sources as assets."""
