"""The state of a cell, and deciding on it: one pure module per subject, with `decide_*` beside `apply_*`.

`decide` looks at the state and at what comes in, and answers events or a refusal; it changes nothing. `apply`
changes the state by one event and asks nothing. So the rule that a decision keeps and the change that it
makes are read in one place. Only the allocator decides; everybody applies. No I/O, no clock, no randomness:
time comes in, identities are drawn from the command (`events.ids.Draws`).
"""
