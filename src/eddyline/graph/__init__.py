"""Jobs, what they wait for, who runs them, what happens when a worker vanishes. Knows no media."""
