"""Reading a vendor's `presets.yaml`."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML


def load_presets(package: str) -> list[dict[str, Any]]:
    """Return the subscriptions that lie in a vendor's package, as a copy of the caller's own."""
    return deepcopy(_read(package))


@cache
def _read(package: str) -> list[dict[str, Any]]:
    """Return the subscriptions of a package; read once per process."""
    text = files(package).joinpath("presets.yaml").read_text(encoding="utf-8")
    presets: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(text)
    return presets
