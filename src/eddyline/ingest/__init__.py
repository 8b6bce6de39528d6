"""Footage that arrives by itself: what is told of it, by which rules it is taken, and from where."""
