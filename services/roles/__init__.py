"""What runs for long: the roles of allocator and projector, how each is run, and what it says of itself."""
