"""Media processing with FFmpeg and Shaka Packager, independent of the job graph."""
