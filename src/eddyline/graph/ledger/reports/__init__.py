"""Reports of workers without database access: which count, and what they change."""
