"""A made-up fleet for demonstrations of the dashboard: seeded, or replayed from a recorded trace."""
