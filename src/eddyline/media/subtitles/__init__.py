"""Subtitles of sources: reading, cues, WebVTT, and subtitle tracks of renditions."""
