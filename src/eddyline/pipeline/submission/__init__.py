"""Finds sources and submits them as assets."""
