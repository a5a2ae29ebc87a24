"""The language of Netledger and the log that carries it.

Commands are wishes, reports are facts a host states about itself, events are facts decided by the allocator.
They are declared together by subject (`events.networks`, `events.hosts`, `events.instances`,
`events.fixed_ips`, `events.floating_ips`), joined in `events.catalog`, carried in records (`events.record`)
and judged by the ledger protocol (`events.ledger`).
"""
