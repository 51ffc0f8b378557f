"""Reading a vendor's `presets.yaml`."""

from __future__ import annotations

import io
from copy import deepcopy
from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML


def load_presets(package: str) -> list[dict[str, Any]]:
    """Return the subscriptions that lie in a vendor's package, as a copy of the caller's own."""
    return deepcopy(_read(package))


def presets_text(package: str) -> str:
    """Return the file of a vendor's package as it is, to be copied and changed."""
    return files(package).joinpath("presets.yaml").read_text(encoding="utf-8")


def as_yaml(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as YAML, keys in their order."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # the library declares None
    writer.width = 120
    text = io.StringIO()
    writer.dump(value, text)
    return text.getvalue()


@cache
def _read(package: str) -> list[dict[str, Any]]:
    """Return the subscriptions of a package; read once per process."""
    presets: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(presets_text(package))
    return presets
