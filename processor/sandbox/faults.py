"""What can be made to go wrong, as values that flags and the admin route can carry."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from processor.config.wording import allowed_text, is_own, message_text
from processor.errors import ConfigError

Vendor = Literal["moveo", "moesif", "moengage"]


class Scope(BaseModel):
    """Which requests a fault may hit, and how often."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vendor: Vendor | None = Field(default=None, description="Only this vendor's requests; every vendor's by default.")
    endpoint: str | None = Field(
        default=None, description="Only this endpoint, such as `actions`, `bulk` or `events`; every one by default."
    )
    rate: float = Field(
        default=1.0, gt=0, le=1, description="Share of the requests in scope that are hit; all by default."
    )
    burst_count: int = Field(
        default=1, ge=1, description="Requests in a row that are hit once one is; 1 by default: no bursts."
    )
    count: int | None = Field(default=None, ge=1, description="Hits after which the fault is over; endless by default.")
    from_s: float = Field(
        default=0, ge=0, description="Seconds after it was set before it can hit; at once by default."
    )
    until_s: float | None = Field(
        default=None, gt=0, description="Seconds after it was set when it is over; endless by default."
    )


class Latency(Scope):
    """The answer takes longer: a fixed time, or one drawn evenly between two."""

    kind: Literal["latency"] = Field(default="latency", description="Names this fault.")
    ms: float = Field(ge=0, description="Milliseconds, or the shortest wait where `max_ms` is given.")
    max_ms: float | None = Field(
        default=None, ge=0, description="Longest wait in milliseconds; a fixed wait by default."
    )
    when: Literal["before", "after"] = Field(
        default="before", description="Whether the wait comes before the items are accepted or after."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Latency:
        if self.max_ms is not None and self.max_ms < self.ms:
            raise ValueError("max_ms must not be below ms")
        return self


class Status(Scope):
    """The request is refused with a status, in the vendor's own words; nothing of it is accepted."""

    kind: Literal["status"] = Field(default="status", description="Names this fault.")
    status: int = Field(default=500, ge=300, le=599, description="Status of the answer; 500 by default.")
    error_type: str | None = Field(
        default=None,
        description="MoEngage's `error.type`, which decides about its 400 and 403; the usual one by default.",
    )


class Throttle(Scope):
    """The request is refused with a request to wait."""

    kind: Literal["throttle"] = Field(default="throttle", description="Names this fault.")
    status: int = Field(default=429, ge=400, le=599, description="Status of the answer; 429 by default.")
    retry_after_s: float = Field(default=1, ge=0, description="Seconds that the sender is asked to wait.")
    form: Literal["seconds", "date", "reset", "none"] = Field(
        default="seconds",
        description="How it is said: `Retry-After` in seconds or as a date, MoEngage's `x-ratelimit-reset`, or not.",
    )


class Drop(Scope):
    """The connection is cut. After acceptance the items are recorded and only the answer is lost."""

    kind: Literal["drop"] = Field(default="drop", description="Names this fault.")
    when: Literal["before", "after", "during"] = Field(
        default="before", description="Before acceptance, after it, or in the middle of the answer (accepted as well)."
    )


class SlowBody(Scope):
    """The answer's body arrives in pieces over some time, and may be made very long."""

    kind: Literal["slow_body"] = Field(default="slow_body", description="Names this fault.")
    ms: float = Field(default=1000, ge=0, description="Milliseconds from the first piece to the last.")
    padding_bytes: int = Field(
        default=64, ge=0, description="Blanks put before the body, so that there is something slow."
    )


class Refuse(Scope):
    """A request that holds a chosen item is refused whole, as the vendors do; each such request, so `rate` is none."""

    kind: Literal["refuse"] = Field(default="refuse", description="Names this fault.")
    ids: frozenset[str] = Field(default=frozenset(), description="Item ids that are refused.")
    users: frozenset[str] = Field(default=frozenset(), description="Users whose items are refused.")
    status: int = Field(
        default=400, ge=400, le=599, description="400: refused for good; 500: an item that always breaks the vendor."
    )

    @model_validator(mode="after")
    def _chosen(self) -> Refuse:
        if not self.ids and not self.users:
            raise ValueError("name at least one id or user")
        if self.rate != 1 or self.burst_count != 1:
            raise ValueError("rate and burst_count do not go with refuse: a chosen item is refused each time")
        return self


Fault = Annotated[Latency | Status | Throttle | Drop | SlowBody | Refuse, Field(discriminator="kind")]
"""Any fault, told apart by `kind`."""

FAULTS: TypeAdapter[tuple[Fault, ...]] = TypeAdapter(tuple[Fault, ...])
"""Reads and writes a list of faults as JSON."""

_FAULT: TypeAdapter[Fault] = TypeAdapter(Fault)


def parse_fault(text: str) -> Fault:
    """Return the fault that a flag such as `status:status=503,rate=0.05,vendor=moesif` names.

    Ids and users of `refuse` are joined by `+`.

    Raises:
        ConfigError: When the kind is unknown or a value does not fit; the message says which.
    """
    kind, _, rest = text.partition(":")
    values: dict[str, object] = {"kind": kind.strip()}
    for pair in filter(None, rest.split(",")):
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"fault {text!r}: {pair!r} is not name=value")
        name = name.strip()
        values[name] = value.split("+") if name in {"ids", "users"} else value.strip()
    try:
        return _FAULT.validate_python(values)
    except ValidationError as error:
        raise ConfigError(f"fault {text!r}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"][1:])
    match problem["type"]:
        case "union_tag_invalid":
            return f"no such kind; allowed: {problem['ctx']['expected_tags']}"
        case "extra_forbidden":
            return f"{place}: no such key; allowed: {', '.join(_keys(str(problem['loc'][0])))}"
        case "missing":
            return f"{place}: a required key is missing"
    text = message_text(problem) if is_own(problem) else f"allowed: {allowed_text(problem)}"
    return f"{place}: {text}" if place else text


def _keys(kind: str) -> list[str]:
    """Return the keys that a fault of this kind takes."""
    (model,) = (model for model in get_args(get_args(Fault)[0]) if model.model_fields["kind"].default == kind)
    return [name for name in model.model_fields if name != "kind"]
