"""Eddyline: transcodes camera recordings into verified, playable assets, on interruptible machines."""

__version__ = "0.1.0"
