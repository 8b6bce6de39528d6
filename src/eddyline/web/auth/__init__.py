"""Who makes a request, and what it may do."""
