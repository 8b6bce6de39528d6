"""Verification of rendition frames against FFmpeg's own decode of the original file."""
