"""Where the stages meet: records in, requests out, offsets back."""

from processor.pipeline.pipeline import Pipeline
from processor.pipeline.ports import PipelineSettings

__all__ = ["Pipeline", "PipelineSettings"]
