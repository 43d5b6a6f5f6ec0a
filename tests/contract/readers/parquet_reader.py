"""pyarrow reads a Parquet export; prints its two tables as lists of rows."""

import json
import sys
from pathlib import Path

from pyarrow import parquet

tables = {file.stem: parquet.read_table(file).to_pylist() for file in Path(sys.argv[1]).glob("*.parquet")}
print(json.dumps(tables))
