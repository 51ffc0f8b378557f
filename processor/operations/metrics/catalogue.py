"""Every metric there is, and nothing else is exported."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from processor.operations.metrics.about_delivery import DELIVERY
from processor.operations.metrics.about_lag import LAG
from processor.operations.metrics.about_process import PROCESS
from processor.operations.metrics.about_records import RECORDS
from processor.operations.metrics.about_state import STATE
from processor.operations.metrics.metric import Metric

PARTS: Final[Mapping[str, tuple[Metric, ...]]] = MappingProxyType(
    {
        "State": STATE,
        "Records": RECORDS,
        "Lag and the consumer group": LAG,
        "Delivery": DELIVERY,
        "The process": PROCESS,
    }
)
"""All metrics by what they are about."""

CATALOGUE: Final = tuple(metric for part in PARTS.values() for metric in part)
"""All metrics. Every series has the label `destination` beside those that stand here."""
