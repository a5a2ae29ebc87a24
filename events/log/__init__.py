"""The log that carries the language: a port (`events.log.port`), adapters for Kafka, Postgres and memory."""
