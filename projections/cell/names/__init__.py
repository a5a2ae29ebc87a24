"""DNS: domains, entries, and the names that instances get with their addresses."""
