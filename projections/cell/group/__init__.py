"""Security groups, their rules and members, and the provider's rules."""
