"""Removes the location from a recording: only data known to be harmless is written to the copy."""
