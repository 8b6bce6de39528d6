"""Statistics of the Spot dashboard: pure functions of machine rows, prices and samples."""
