"""Writes the JSON Schema of the configuration: `python -m processor.settings > schemas/config.schema.json`."""

from __future__ import annotations

import json
import sys

from processor.settings import json_schema

sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
