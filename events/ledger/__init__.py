"""The ledger protocol: positions, the judge that every reader runs, and reading along."""
