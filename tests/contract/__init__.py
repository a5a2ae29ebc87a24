"""One suite per port, run against every adapter, and golden records."""
