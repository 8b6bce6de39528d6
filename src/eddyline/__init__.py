"""Eddyline: footage in, a playable and proven asset out."""

__version__ = "0.1.0"
