"""The ledger protocol: which records count, and what stops a reader."""
