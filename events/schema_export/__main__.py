"""`python -m events.schema_export [DIRECTORY]` writes the schemas, into this checkout by default."""

import sys
from pathlib import Path

from events.schema_export.write import write_schemas

CHECKOUT = Path(__file__).parents[2]

if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT)
