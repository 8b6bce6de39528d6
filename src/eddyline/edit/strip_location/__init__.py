"""Stripping a recording's location: only what is known to be harmless is written to the copy."""
