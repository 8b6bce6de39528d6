"""Highlights of recordings: events in telemetry and audio, scored segments, and the selection of a reel."""
