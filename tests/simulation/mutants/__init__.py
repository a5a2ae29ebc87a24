"""Judges, allocators, readers and callers that each leave out one sentence of the protocol."""
