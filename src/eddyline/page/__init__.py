"""HTML page of one asset: a single file beside the manifest, rendered from the manifest values."""
