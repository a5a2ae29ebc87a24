"""The language of the ledger and the log that carries it."""
