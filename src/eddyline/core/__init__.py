"""Domain-independent building blocks: errors, time, identity, processes and files."""
