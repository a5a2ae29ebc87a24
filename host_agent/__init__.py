"""What makes one host's kernel and daemons agree with the ledger: observe, diff, apply, report."""
