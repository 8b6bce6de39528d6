"""Edits of single recordings: trim, merge, combine, strip the location. They need no ledger."""
