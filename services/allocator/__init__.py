"""The allocator: one owner per cell, which decides what comes in and appends it to the ledger."""
