"""Edits of telemetry alone: payload bytes in, payload bytes out."""
