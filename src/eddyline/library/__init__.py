"""The library of a server: tokens, sessions, shares, uploads, webhooks and the deletion of assets.

It knows no HTTP: `web/` and `cli/` call it. The catalogue of assets is in `graph/ledger/catalogue/`, because
it is written in the transactions that change jobs.
"""
