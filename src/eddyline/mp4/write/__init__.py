"""Writes boxes, tracks and MP4 files."""
