"""Chapters in MP4 files: chapter tracks and Nero chapter lists."""
