"""The HTTP API: one module of routes for each resource, under /api/v1."""
