"""Building blocks of all packages: errors, time, identity, processes and files."""
