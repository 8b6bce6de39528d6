"""Scaling of pools by AWS Auto Scaling: metrics, policies, the work in the ledger, and a model. Pure."""
