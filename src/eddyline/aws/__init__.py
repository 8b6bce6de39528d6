"""The outside world on AWS: queues and events. Needs the `aws` extra, and nothing else needs it."""
