"""Floating IPs: pools and ranges, who owns each, and what it points at."""
