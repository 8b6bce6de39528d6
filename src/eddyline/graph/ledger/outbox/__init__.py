"""The transactional outbox: jobs to publish to queues, and the search for lost publications."""
