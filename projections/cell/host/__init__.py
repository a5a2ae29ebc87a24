"""Hosts: who takes part, which networks each serves, and what becomes of them when it falls silent."""
