"""The catalogue of metrics, and their export.

Nothing is measured here: the reports of all destinations are read when somebody asks for `/metrics`, or when it is time
to push. A supervisor and a single process therefore export in the same way.
Imported only where metrics are exported, because the libraries behind it cost memory.
"""

from processor.operations.metrics.catalogue import CATALOGUE, PARTS
from processor.operations.metrics.exporter import CONTENT_TYPE, Exporter
from processor.operations.metrics.metric import Metric

__all__ = ["CATALOGUE", "CONTENT_TYPE", "PARTS", "Exporter", "Metric"]
