"""The only place where media, telemetry and jobs meet."""
