"""`eddyline combine`: video, external audio and telemetry as one MP4."""
