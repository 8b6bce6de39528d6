"""The report of a simulation: one HTML page with charts, and CSV files."""
