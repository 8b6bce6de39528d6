"""Plans the jobs of an asset."""
