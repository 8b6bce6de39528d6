"""Track headers and sample entries."""
