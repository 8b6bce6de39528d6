"""No domain words: errors, time, identity, processes and files."""
