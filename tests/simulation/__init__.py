"""The engine in a seeded world with faults, judged from the records alone."""
