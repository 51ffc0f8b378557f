"""Writes the JSON Schema of files of cases: `python -m processor.pipeline.cases > schemas/cases.schema.json`."""

from __future__ import annotations

import json
import sys

from processor.pipeline.cases.settings import json_schema

sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
