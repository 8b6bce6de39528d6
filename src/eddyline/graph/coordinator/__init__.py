"""The coordinator process: publishes ready jobs and applies the reports of workers."""
