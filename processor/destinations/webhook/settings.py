"""Settings of a webhook: where events go and in which form, how requests are signed, and what a success looks like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from processor.config import UNREAD_SECRETS, Secret, SecretOrPlain, refuse
from processor.config.secret import ALLOWED, REFERENCE_SCHEMA, refusal
from processor.destinations.addresses import checked_address
from processor.destinations.answers import HOLD_STATUSES, RETRY_STATUSES
from processor.destinations.gates import GateSettings
from processor.mapping.paths import parse_dollar_path

_HEADER_NAME: Final = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$"
_HEADER_TEXT: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)
_TAKEN_HEADERS: Final = frozenset(
    {"connection", "content-encoding", "content-length", "expect", "host", "te", "transfer-encoding", "upgrade"}
)
"""Headers that say how a request travels; whoever sends it writes them."""
_WRITTEN_HEADERS: Final = _TAKEN_HEADERS | {"content-type", "user-agent"}
_SECRET_HEADER: Final = re.compile(
    r"authori[sz]|authenti|x-auth(?!or)|cookie|token|secret|passw|signature|(api|access)-?key", re.IGNORECASE
)

_TextOrReference = WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, REFERENCE_SCHEMA]})
_HeaderName = Annotated[str, Field(pattern=_HEADER_NAME)]
_Path = Annotated[str, Field(min_length=1)]


class SignatureSettings(BaseModel):
    """How requests are signed with an HMAC of their body, as it is before compression."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: Secret = Field(
        description="What both sides know, from the environment or a file. Its characters in UTF-8 are the key."
    )
    algorithm: Literal["sha1", "sha256", "sha512"] = Field(
        default="sha256",
        description="Hash function of the HMAC. Default sha256; sha1 is for receivers made for Segment's own webhooks.",
    )
    header: _HeaderName = Field(
        default="X-Signature", description="Header that carries the signature. Default X-Signature, as Segment's."
    )
    prefix: str = Field(
        default="",
        pattern=r"^[!-~]*$",
        description="Text in front of the signature in its header, such as `sha256=`. Default none.",
    )
    encoding: Literal["hex", "base64"] = Field(
        default="hex", description="How the bytes of the signature are written. Default hex, in lower case."
    )
    timestamp_header: _HeaderName | None = Field(
        default=None,
        description="Header that carries the time of the attempt in seconds since 1970. Then `<time>.<body>` is signed "
        "instead of the body, so that a receiver can refuse what is old. Default none.",
    )

    @model_validator(mode="after")
    def _headers_are_its_own(self) -> Self:
        """Refuse one header for two things."""
        names = self.header_names
        if len(set(names)) < len(names):
            raise ValueError("header and timestamp_header must differ")
        if not _WRITTEN_HEADERS.isdisjoint(names):
            raise ValueError("a signature must have a header of its own")
        return self

    @property
    def header_names(self) -> tuple[str, ...]:
        """Return the headers that signing adds, in lower case."""
        names = (self.header, self.timestamp_header)
        return tuple(name.lower() for name in names if name is not None)


class WebhookSettings(GateSettings):
    """Where to send events, and in which form."""

    allow_http: bool = Field(
        default=False,
        description="Let `url` be plain http on another machine. Default false: events would travel in the clear.",
    )
    url: Annotated[SecretOrPlain, _TextOrReference] = Field(
        examples=["https://hooks.example.com/segment"],
        description="Address that takes the events, used as it is. Where it holds a key, in its path or its query, "
        "it comes from the environment or a file; written in the file it has no query. Required.",
    )
    method: Literal["POST", "PUT", "PATCH"] = Field(default="POST", description="HTTP method. Default POST.")
    headers: Annotated[
        dict[str, SecretOrPlain],
        WithJsonSchema(
            {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, REFERENCE_SCHEMA]}},
        ),
    ] = Field(
        default_factory=dict,
        description="Headers to send beside `Content-Type` and `User-Agent`, or in their place. Values are texts, or "
        "come from the environment or a file, as those of names that speak of keys must. Default none.",
    )
    body: Literal["array", "single"] = Field(
        default="array",
        description="`array`: many events a request, as a JSON array; `single`: one event a request, as an object. "
        "Default array: far fewer requests.",
    )
    wrapper: str | None = Field(
        default=None,
        min_length=1,
        description="Name of the one member of an object in which the array, or the single event, stands: `batch` "
        'sends `{"batch": [...]}`. Default none.',
    )
    batch_size: int = Field(
        default=100, ge=1, description="Most events in one request of an array. Default 100; one in `single`."
    )
    flush_interval_ms: int = Field(
        default=1000,
        ge=0,
        description="Longest wait of an event for its array to fill, in milliseconds. Default 1000; none in `single`.",
    )
    max_request_bytes: int = Field(
        default=500_000,
        ge=1_000,
        description="Largest request body in bytes before compression; an event that alone needs more is a dead "
        "letter. Default 500000, the size of Segment's own batches.",
    )
    gzip: bool = Field(
        default=False, description="Compress request bodies. Default false: not every receiver reads them."
    )
    signature: SignatureSettings | None = Field(
        default=None, description="How requests are signed. Default none: they are not."
    )
    success_statuses: tuple[int, ...] = Field(
        default=(),
        description="Statuses by which the receiver says that it has the events, from 200 to 499. Default none: any "
        "2xx does.",
    )
    success_member: _Path | None = Field(
        default=None,
        description="Path of a member of the answer's JSON that must be true for a success, such as `$.ok`. Default "
        "none: the answer's body is not read.",
    )
    lane_path: _Path | None = Field(
        default=None,
        description="Path of the event's member whose events stay in order, such as `$.context.groupId`. Default none: "
        "`userId`, else `anonymousId`, as for events that have no text or number there.",
    )
    integration_names: tuple[str, ...] = Field(
        default=("Webhooks", "Webhooks (Actions)"),
        description="Names under which this destination stands in `integrations` and `_metadata.bundled`. Case counts. "
        "Default: those of Segment's two destinations of this kind.",
    )

    @field_validator("url")
    @classmethod
    def _address_is_safe(cls, value: SecretOrPlain, info: ValidationInfo) -> SecretOrPlain:
        """Refuse an address to which events must not go, without showing one that came by reference."""
        allow_http = bool(info.data.get("allow_http", False))
        if not isinstance(value, str | Secret):
            raise refusal("the address must be a text or a reference")
        if isinstance(value, str):
            checked_address(value, allow_http=allow_http, allow_query=True)
            if urlsplit(value).query:
                raise refusal(f"an address with a query may hold a key, and is written literally; {ALLOWED}")
        elif not (info.context or {}).get(UNREAD_SECRETS):
            try:
                checked_address(value.reveal(), allow_http=allow_http, allow_query=True)
            except ValueError as error:
                raise refusal(f"the address {error}") from None
        return value

    @field_validator("headers")
    @classmethod
    def _headers_can_be_sent(cls, value: dict[str, SecretOrPlain]) -> dict[str, SecretOrPlain]:
        """Refuse headers that HTTP cannot carry, that are not ours to write, or that show a key."""
        seen: set[str] = set()
        found = []
        for name, text in value.items():
            trouble = "the header stands here twice" if name.lower() in seen else _trouble(name, text)
            seen.add(name.lower())
            if trouble is not None:
                found.append(((name,), trouble))
        if found:
            raise refuse(*found)
        return value

    @field_validator("success_statuses")
    @classmethod
    def _statuses_can_be_successes(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        """Refuse statuses by which no receiver says that it has anything."""
        wrong = [
            status
            for status in value
            if status not in range(200, 500) or status in HOLD_STATUSES or status in RETRY_STATUSES
        ]
        if wrong:
            raise ValueError(f"no success: {', '.join(map(str, wrong))}")
        return value

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        """Refuse settings that contradict each other."""
        found = list(self._clashes())
        if found:
            raise ValueError("; ".join(found))
        return self

    def _clashes(self) -> Iterator[str]:
        for name in ("batch_size", "flush_interval_ms"):
            if self.body == "single" and name in self.model_fields_set:
                yield f"{name} is for arrays: in `single` each event is a request"
        for name in self.headers:
            if self.signature is not None and name.lower() in self.signature.header_names:
                yield f"the signature writes the header {name}"

    @property
    def address(self) -> str:
        """Return the address in the open."""
        return revealed(self.url)

    @property
    def lane_keys(self) -> tuple[str, ...] | None:
        """Return the keys of `lane_path`, None where there is none."""
        return None if self.lane_path is None else parse_dollar_path(self.lane_path)

    @property
    def success_keys(self) -> tuple[str, ...] | None:
        """Return the keys of `success_member`, None where there is none."""
        return None if self.success_member is None else parse_dollar_path(self.success_member)


def revealed(value: SecretOrPlain) -> str:
    """Return the text of a value, in the open."""
    return value.reveal() if isinstance(value, Secret) else str(value)


def _trouble(name: str, value: SecretOrPlain) -> str | None:
    """Return what there is against a header, without its value."""
    if re.fullmatch(_HEADER_NAME, name) is None:
        return "this is no name of a header"
    if name.lower() in _TAKEN_HEADERS:
        return "this header is written by whoever sends the request"
    if not isinstance(value, str | Secret):
        return "a header is a text: put it in quotes"
    if isinstance(value, str) and _SECRET_HEADER.search(name) is not None:
        return f"a secret is written literally; {ALLOWED}"
    if _HEADER_TEXT.fullmatch(revealed(value)) is None:
        return "no HTTP header can carry this; allowed: one line of ASCII, without blanks around it"
    return None
