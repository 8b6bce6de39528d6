"""External programs as child processes: `runner` runs one to its end; limits, output, CPU time, services."""
