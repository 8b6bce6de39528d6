"""Compares frames of a rendition with the same frames of the source."""
