"""Edits of telemetry: payload bytes in, payload bytes out."""
