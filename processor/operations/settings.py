"""How a process shows itself: the page of health and metrics, the log, spans, and the restarting of children."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Port = Annotated[int, Field(ge=0, le=65_535)]
Positive = Annotated[timedelta, Field(gt=timedelta(0))]

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - the addresses that mean all of a machine


class PageSettings(BaseModel):
    """Where the status page, `/livez`, `/readyz`, `/metrics` and `/status` are served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(
        default=True,
        description="Whether the page is served. Default true: a bridge that nobody can look at is found out too late.",
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen on. Default 127.0.0.1, so that nothing is open to a network by accident; "
        "containers set 0.0.0.0.",
    )
    port: Port = Field(
        default=9464,
        description="TCP port, one for all destinations of a `run`. Default 9464, the usual port of Prometheus "
        "exporters of OpenTelemetry; 0 takes a free one and logs which.",
    )

    @property
    def local_url(self) -> str | None:
        """Return where a program on this machine finds the page; None without a page, or with a port of the moment."""
        if not self.enabled or self.port == 0:
            return None
        host = _EVERYWHERE.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class LogSettings(BaseModel):
    """What is logged, and in which form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Literal["error", "warning", "info", "debug"] = Field(
        default="info",
        description="The least severe level that is written. Default info: one line per change of state, none per "
        "event.",
    )
    format: Literal["auto", "text", "json"] = Field(
        default="auto",
        description="Form of a line. Default auto: text on a terminal, JSON lines anywhere else, because there "
        "programs read them.",
    )
    repeat_count: int = Field(
        default=5,
        ge=1,
        description="How often one message is written within `repeat_window` before it is only counted. Default 5: "
        "enough to see a pattern, too little to fill a disk.",
    )
    repeat_window: Positive = Field(
        default=timedelta(seconds=60),
        description="Window of `repeat_count`, in seconds. Default 60.",
    )


class TracingSettings(BaseModel):
    """Whether a tracing system hears of each request to a vendor; which one, the standard `OTEL_*` variables say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(
        default=False,
        description="Whether each request to a vendor becomes a span, sent by OTLP over HTTP to the address in "
        "OTEL_EXPORTER_OTLP_ENDPOINT. Default false: few need it, and it costs memory. The variable "
        "OTEL_TRACES_EXPORTER comes first: otlp switches it on, none off.",
    )
    max_links: int = Field(
        default=5,
        ge=0,
        le=128,
        description="How many of a request's records its span is linked to, and names, at most. Default 5: enough to "
        "go from a request to events in it, too few to fill a store.",
    )


class RestartSettings(BaseModel):
    """When `run` starts a destination's process again, and how long it waits for processes to end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_wait: Positive = Field(
        default=timedelta(seconds=1),
        description="Wait before the first restart, in seconds; it doubles with each further failure, with up to a "
        "fifth of jitter. Default 1: most crashes pass.",
    )
    max_wait: Positive = Field(
        default=timedelta(seconds=60),
        description="Longest wait between restarts, in seconds, before jitter. Default 60: a process that always "
        "fails costs a minute of nothing, not a busy machine.",
    )
    stable_after: Positive = Field(
        default=timedelta(seconds=120),
        description="A process that ran this long, in seconds, counts as recovered: its next wait is the first one "
        "again. Default 120, twice the longest wait.",
    )
    silent_after: Positive = Field(
        default=timedelta(seconds=60),
        description="A process that reports nothing for this long, in seconds, is killed and restarted. Default 60: "
        "reports come every second, so this is a process that hangs.",
    )
    stop_within: Positive = Field(
        default=timedelta(seconds=45),
        description="How long processes may take to end after SIGTERM, in seconds, before they are killed. Default "
        "45: above the drain budget and below the 60 s that the chart grants a pod.",
    )


class OperationsSettings(BaseModel):
    """What operators see: page, logs, traces, restarts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page: PageSettings = Field(
        default_factory=PageSettings,
        description="The page of health, metrics and status. Default: on, at 127.0.0.1:9464.",
    )
    logs: LogSettings = Field(
        default_factory=LogSettings,
        description="The log. Default: level info, text on a terminal, JSON lines elsewhere.",
    )
    tracing: TracingSettings = Field(
        default_factory=TracingSettings,
        description="Spans of requests to vendors. Default: none.",
    )
    restarts: RestartSettings = Field(
        default_factory=RestartSettings,
        description="Restarting of processes when `run` supervises several destinations. Default: after 1 s, "
        "doubling to 60 s.",
    )
