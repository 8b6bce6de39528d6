"""Accounts: what starts of jobs cost, from the start history, the instance record and prices. Pure."""
