"""Removes metadata from samples, by codec."""
