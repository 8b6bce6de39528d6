"""Database access: engine, transactions, locks, notifications and migrations."""
