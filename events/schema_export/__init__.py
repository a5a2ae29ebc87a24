"""The language for other programs: JSON Schemas and an AsyncAPI document, generated from the models.

`events/schemas/` and `docs/asyncapi.yaml` hold what these modules return. They are checked in, so that a
change of the language shows in a review, and a test fails when they are stale. Who writes them is
`python -m events.schema_export`.
"""
