"""The log that carries the language: one port (`events.log.port`) and three adapters (kafka, postgres, memory)."""
