"""The demo: the bridge at work on one machine, with a Kafka, three vendors and events of its own.

The destinations run as in production: one process each, supervised, told from one YAML file. Made up are only the
Kafka, the vendors and the events (`processor.sandbox`).
"""

from processor.demo.plan import DemoPlan
from processor.demo.show import run_demo

__all__ = ["DemoPlan", "run_demo"]
