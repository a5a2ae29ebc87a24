"""One role against a real log or a real database."""
