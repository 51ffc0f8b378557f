"""A file of golden cases, as frozen models that are right or refused as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic.json_schema import GenerateJsonSchema

from processor.config import load_document, refuse, validate
from processor.config.problems import Path as Place
from processor.config.problems import listed, nearest
from processor.destinations.times import read_time_ms
from processor.errors import ConfigError

DESTINATIONS: Final = "destinations"
"""Key of the validation context: the names of the destinations that cases may be for."""

DEFAULT_TIME: Final = "2026-01-31T08:00:00Z"


def _time(text: str) -> str:
    """Return a text that is a time; refuse others."""
    if read_time_ms(text) is None:
        raise ValueError(f"a time in ISO 8601, such as {DEFAULT_TIME}")
    return text


Time = Annotated[str, AfterValidator(_time)]


def _known(name: str, info: ValidationInfo) -> str:
    """Return the name of a destination; refuse one that the configuration does not have, where that is known."""
    known: Sequence[str] | None = (info.context or {}).get(DESTINATIONS)
    if known is None or name in known:
        return name
    near = nearest(name, known)
    hint = "" if near is None else f"; did you mean {near!r}?"
    raise ValueError(f"the configuration has no destination {name!r}; allowed: {listed(known)}{hint}")


DestinationName = Annotated[str, AfterValidator(_known)]


class CaseRecord(BaseModel):
    """The record that an event is read from. What depends on it is the same in every run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str = Field(default="segment-events", min_length=1, description="Its topic. Default segment-events.")
    partition: int = Field(default=0, ge=0, description="Its partition. Default 0.")
    offset: int = Field(default=0, ge=0, description="Its offset. Default 0.")
    time: Time = Field(
        default=DEFAULT_TIME,
        description=f"When it was written. An event without a usable time takes it. Default {DEFAULT_TIME}.",
    )


class ExpectedPayload(BaseModel):
    """What is known of one payload. What is not named may be anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subscription: str | None = Field(default=None, description="The subscription that it comes from.")
    action: str | None = Field(default=None, description="The destination's action that makes it.")
    endpoint: str | None = Field(default=None, description="The endpoint that it is sent to.")
    body: Any = Field(
        default=None,
        description="What stands in it. Of an object the named members must be there; a list must have as many items, "
        "each as it says.",
    )


class Expectation(BaseModel):
    """What a case comes to. At least one of payloads, skipped and rejected is named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    payloads: tuple[ExpectedPayload, ...] | None = Field(
        default=None,
        json_schema_extra={"minItems": 1},
        description="Payloads that are made, each of them once. Where they are not named, there must be none.",
    )
    exact: bool = Field(
        default=False,
        description="Whether nothing may be beside what is named: no other payload, no other member of a body, no "
        "skip. Default false.",
    )
    skipped: str | None = Field(default=None, description="Reason of a skip: no_subscription.")
    rejected: str | None = Field(
        default=None, description="Reason of a dead letter: no_identity. Where it is not named, there must be none."
    )
    warnings: tuple[str, ...] | None = Field(
        default=None, description="All codes of warnings, in any order. Default: they are not looked at."
    )

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        """Refuse an expectation that says nothing."""
        if self.payloads == ():
            raise refuse((("payloads",), "no payload is named; where none may be made, leave payloads out"))
        if self.payloads is None and self.skipped is None and self.rejected is None:
            raise ValueError("nothing is expected; name at least one of payloads, skipped, rejected")
        return self


class Case(BaseModel):
    """One event and what is expected of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="What the case shows, in a few words; unique in its file.")
    destination: DestinationName | None = Field(
        default=None, description="The destination. Default: the one of the file."
    )
    given: Any = Field(description="The event, or a batch body of several: any JSON value.")
    record: CaseRecord | None = Field(
        default=None, description="The record it is read from. Default: as the file says."
    )
    now: Time | None = Field(
        default=None,
        description="When it is mapped, for rules about age. Default: the file's, else the time of its record.",
    )
    expect: Expectation = Field(description="What it comes to.")


class CaseFile(BaseModel):
    """A file of cases, with what they have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    destination: DestinationName | None = Field(
        default=None,
        description="The destination of cases that name none. Default: the configuration's only one.",
    )
    record: CaseRecord = Field(
        default_factory=CaseRecord, description="The record of cases that describe none. Default: see there."
    )
    now: Time | None = Field(default=None, description="When cases are mapped. Default: the time of their record.")
    cases: tuple[Case, ...] = Field(json_schema_extra={"minItems": 1}, description="The cases, each on its own.")

    def destination_of(self, case: Case, known: Sequence[str]) -> str | None:
        """Return the destination of a case, None where nothing says it."""
        if case.destination is not None:
            return case.destination
        if self.destination is not None:
            return self.destination
        return known[0] if len(known) == 1 else None

    @model_validator(mode="after")
    def _cases_fit(self, info: ValidationInfo) -> Self:
        """Refuse names that stand twice and cases that are for no destination."""
        if not self.cases:
            raise refuse((("cases",), "there is no case; allowed: one or more"))
        known: Sequence[str] | None = (info.context or {}).get(DESTINATIONS)
        found = [*self._repeated_names(), *(() if known is None else self._homeless(known))]
        if found:
            raise refuse(*found)
        return self

    def _repeated_names(self) -> Iterator[tuple[Place, str]]:
        """Yield the cases whose name stands more than once."""
        uses = Counter(case.name for case in self.cases)
        for index, case in enumerate(self.cases):
            if uses[case.name] > 1:
                yield ("cases", index, "name"), "another case of this file has the same name"

    def _homeless(self, known: Sequence[str]) -> Iterator[tuple[Place, str]]:
        """Yield the cases whose destination nothing says."""
        for index, case in enumerate(self.cases):
            if self.destination_of(case, known) is None:
                text = f"a required key is missing, here or for the whole file; allowed: {listed(known)}"
                yield ("cases", index, "destination"), text


class PlacedCase(NamedTuple):
    """One case with everything that its file says of it.

    Attributes:
        file: The file, as it was named.
        line: The line at which the case begins, from 1.
        case: The case.
        destination: Name of its destination.
        record: Its record.
        now_ms: When it is mapped, in milliseconds since 1970.
    """

    file: str
    line: int
    case: Case
    destination: str
    record: CaseRecord
    now_ms: int


def load_cases(path: Path | str, destinations: Sequence[str]) -> list[PlacedCase]:
    """Return the cases of a file for a configuration with these destinations.

    Raises:
        ConfigError: naming everything that is wrong with the file, each with line, key, what was found and what is
            allowed.
    """
    document = load_document(path)
    file = validate(CaseFile, document, {DESTINATIONS: tuple(destinations)})
    lines = [node.mark[0] for node in document.root.children["cases"].children.values()]
    return [
        _placed(document.file, line, file, case, destinations) for line, case in zip(lines, file.cases, strict=True)
    ]


def load_all(paths: Iterable[Path | str], destinations: Sequence[str]) -> list[PlacedCase]:
    """Return the cases of several files.

    Raises:
        ConfigError: a file cannot be used; the text lists the problems of all files.
    """
    cases: list[PlacedCase] = []
    problems = []
    for path in paths:
        try:
            cases += load_cases(path, destinations)
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    return cases


def _placed(name: str, line: int, file: CaseFile, case: Case, known: Sequence[str]) -> PlacedCase:
    """Return a case with what its file says where it says nothing itself."""
    record = file.record if case.record is None else case.record
    now = next(time for time in (case.now, file.now, record.time) if time is not None)
    destination = file.destination_of(case, known)
    assert destination is not None  # the file would have been refused
    return PlacedCase(name, line, case, destination, record, time_ms(now))


def time_ms(text: str) -> int:
    """Return a time that was accepted before in milliseconds since 1970."""
    epoch_ms = read_time_ms(text)
    assert epoch_ms is not None
    return epoch_ms


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a file of cases, for editors that check while typing."""
    schema = CaseFile.model_json_schema()
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "segment-bridge cases"}
