"""What runs: the allocator, the projector, the snapshotter, the gateway, the client and the command line."""
