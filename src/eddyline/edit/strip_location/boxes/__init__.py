"""Rebuilds the boxes of the copy from known, valid data."""
