"""What the ledger adds up to: cell state, host view, host plan, snapshots, IPAM tables and history."""
