"""The allocator without I/O: what it reads, what it remembers, how it owns."""
