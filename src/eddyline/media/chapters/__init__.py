"""Chapters in MP4 files: chapter tracks (text) and Nero chapter lists (`chpl`)."""
