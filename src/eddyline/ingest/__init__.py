"""Ingest of new sources: events about S3 objects and watched folders, and the rules that apply to both."""
