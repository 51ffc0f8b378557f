"""Where the stages meet: records in, requests out, offsets back."""

from processor.pipeline.pipeline import Pipeline, PipelineSettings

__all__ = ["Pipeline", "PipelineSettings"]
