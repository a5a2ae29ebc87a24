"""Networks: planned, created, given to projects, deleted; and whose their blocks are."""
