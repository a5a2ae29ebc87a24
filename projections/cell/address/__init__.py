"""Fixed IPs: pools of them, and each one's life from its allocation until it is free again."""
