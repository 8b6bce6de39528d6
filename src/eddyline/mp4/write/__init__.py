"""Writes boxes, tracks and whole MP4 files."""
