"""Encoding and measuring audio."""
