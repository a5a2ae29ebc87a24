"""For trying things out on one machine: the demo, and a broker for development."""
