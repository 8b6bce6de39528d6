"""The telemetry of published assets: decoded once, cached on disk, reduced for charts and maps on request."""
