"""The host agent in network namespaces of its own; needs root."""
