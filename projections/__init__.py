"""What the ledger adds up to: the cell's state, a host's view and plan, and the Postgres tables.

All of it can be thrown away and rebuilt.
"""
