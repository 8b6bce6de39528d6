"""The worker process: slots, handlers, and brokers that deliver jobs."""
