"""IPAM in PostgreSQL: who holds what now, who held it when, who asked for it and why."""
