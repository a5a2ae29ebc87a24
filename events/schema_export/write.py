"""Writing the generated documents into a directory."""

from pathlib import Path

from events.schema_export.documents import documents


def write_schemas(directory: Path | None) -> list[str]:
    """Write every generated document below `directory`, and return their paths; None writes nothing."""
    made = documents()
    if directory is not None:
        for path, text in made.items():
            place = directory / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
    return list(made)
