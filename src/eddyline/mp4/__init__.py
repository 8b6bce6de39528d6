"""MP4 and QuickTime files: bytes to boxes and back, by ranges; knows nothing of FFmpeg."""
