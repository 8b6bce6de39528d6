"""The ledger: the SQL database of jobs."""
