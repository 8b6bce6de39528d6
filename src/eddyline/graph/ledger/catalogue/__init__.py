"""The catalogue of assets and the log of their events, in the ledger's database."""
