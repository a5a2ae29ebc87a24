"""What runs: the allocator, the projector, the client, and the command line that starts and asks them."""
