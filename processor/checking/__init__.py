"""What `check` finds beyond a valid file: what only compiling the settings, or asking Kafka and vendors, can tell."""

from processor.checking.findings import Findings
from processor.checking.limits import HOUR_S
from processor.checking.whole import check

__all__ = ["HOUR_S", "Findings", "check"]
