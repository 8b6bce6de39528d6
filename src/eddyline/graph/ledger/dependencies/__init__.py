"""Dependencies between jobs: links, and what the end of a job means for its dependants."""
