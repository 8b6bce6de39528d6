"""`eddyline merge`: the chapters of one recording as one file."""
