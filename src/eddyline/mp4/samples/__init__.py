"""Sample tables, fragments, sample times and random access."""
