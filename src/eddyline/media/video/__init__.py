"""Encoding, joining and cutting video, and the checks of the results."""
