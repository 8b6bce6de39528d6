"""Everything that needs FFmpeg or the packager; knows nothing of jobs."""
