"""Parsers of EventBridge events, one module for each source; the table is in `eventbridge_events`."""
