"""Instances: their networks, NICs and MACs, and the host that each is bound to."""
