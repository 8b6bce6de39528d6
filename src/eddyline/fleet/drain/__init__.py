"""Draining of workers and of instances before they end."""
