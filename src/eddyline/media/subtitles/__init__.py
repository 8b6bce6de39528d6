"""Subtitle cues and their encodings: WebVTT, timed text, WebVTT in MP4."""
