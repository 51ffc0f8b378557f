"""Settings of a topic as a destination: where it is, and by what its messages are keyed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from processor.destinations.gates import GateSettings
from processor.destinations.target import TargetSettings
from processor.mapping.paths import parse_dollar_path


def _path(text: str) -> str:
    """Return a path to a value of the event; refuse what is none."""
    keys = parse_dollar_path(text)
    if not text.startswith("$.") or not keys or not all(keys):
        raise ValueError("a path such as $.userId or $.context.groupId")
    return text


class KafkaTopicSettings(GateSettings, TargetSettings):
    """Which topic is written to, and under which keys."""

    respect_integrations: bool = Field(
        default=False,
        description="Honour the event's `integrations` object. Default false: a topic that others read must hold what "
        "the first one held.",
    )
    integration_names: tuple[str, ...] = Field(
        default=("Kafka",),
        description="Names under which this destination stands in `integrations` and `_metadata.bundled`. Case counts. "
        "Default: the name of Segment's own.",
    )
    key: tuple[Annotated[str, AfterValidator(_path)], ...] = Field(
        default=("$.userId", "$.anonymousId"),
        min_length=1,
        description="Where the key stands: of these paths the first that leads to a text that is not blank, or to a "
        "number. Default: the user's id, else the anonymous one. A mapping may give `key` instead.",
    )
    without_key: Literal["write", "reject"] = Field(
        default="write",
        description="What becomes of an event that has no key: `write` it without one, or `reject` it as a dead letter "
        "(`no_key`). Default write: an event of nobody has no order to keep.",
    )
    keep_timestamp: bool = Field(
        default=True,
        description="Give messages the timestamp of the records that they come from. Default true: time lag counts "
        "from there, and a replay by time finds the same events. false: the time of writing.",
    )
    origin_headers: bool = Field(
        default=False,
        description="Say in headers of each message from which topic, partition and offset it comes "
        "(`segment-bridge-source-topic` and so on). Default false.",
    )
