"""Profiles, encoders, and the ladder and chunks that follow from a source and a profile."""
