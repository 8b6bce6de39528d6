"""The command line: parses arguments, calls `app` and `pipeline`, prints results."""
