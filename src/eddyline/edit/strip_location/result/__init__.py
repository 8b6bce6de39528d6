"""Checks a finished copy; reads it with a parser that shares no code with the writer."""
