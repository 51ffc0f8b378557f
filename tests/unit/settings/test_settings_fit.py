"""What only a vendor can say about a destination, asked of vendors that object in every way they may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from processor.config.secret import Secret
from processor.destinations.base import Action, Destination, Endpoint
from processor.destinations.base import Field as ActionField
from processor.errors import ConfigError, MappingError
from processor.model import Answer, Decision, Event, Mapped, Payload, Record, Rejected, Skipped, Verdict
from processor.settings import load_settings
from processor.settings.sound import sound_parts


class FakeSettings(BaseModel):
    """Settings of a made-up vendor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(5, description="Payloads in a request. Default 5.")
    preset: str = Field("type =", description="Trigger of the vendor's own subscription, or `raises`.")
    refuses: bool = Field(default=False, description="Whether the vendor cannot be made of it. Default false.")


class FakeDestination(Destination):
    """A made-up vendor with one endpoint and one action."""

    type = "fake"
    settings_model = FakeSettings
    limit_settings = {"size": "max_batch_count"}  # noqa: RUF012 - as the base class declares it
    delivery_settings = {"size": "max_attempts"}  # noqa: RUF012 - as the base class declares it
    settings: FakeSettings

    def __init__(self, name: str, settings: FakeSettings) -> None:
        """Take the settings as they are."""
        self.name, self.settings = name, settings
        self.endpoints = {"main": Endpoint("main", "https://vendor.example.test/", 5, 1000, 100)}
        field = ActionField("text", "string", "Any text.", required=True)
        self.actions = {"send": Action("send", "Sends.", (field,), _build, ("main",))}

    @classmethod
    def create(cls, name: str, settings: BaseModel) -> Destination:
        """Return the vendor, unless its settings say that it objects."""
        assert isinstance(settings, FakeSettings)
        if settings.refuses:
            raise ConfigError("these settings do not go together")
        return cls(name, settings)

    def presets(self) -> list[dict[str, Any]]:
        """Return one subscription whose trigger is a setting, a broken one unless told."""
        if self.settings.preset == "raises":
            raise MappingError("no preset fits", safe="no preset fits")
        return [
            {"name": "all", "trigger": self.settings.preset, "enabled": True, "action": "send", "mapping": {"text": 1}}
        ]

    def admit(self, event: Any, *, presets: bool) -> Event | Skipped | Rejected:  # noqa: ANN401, ARG002 - the contract
        """Return the event."""
        admitted: Event = event
        return admitted

    def headers(self, endpoint: Endpoint, body: bytes, now_ms: int) -> dict[str, str]:  # noqa: ARG002 - the contract
        """Return none."""
        return {}

    def classify(  # noqa: D102 - as in the contract
        self,
        endpoint: Endpoint,  # noqa: ARG002 - the contract
        answer: Answer,  # noqa: ARG002 - the contract
        count: int,  # noqa: ARG002 - the contract
        now_ms: int,  # noqa: ARG002 - the contract
        *,
        compressed: bool,  # noqa: ARG002 - the contract
    ) -> Verdict:
        return Verdict(Decision.DELIVERED)

    def vector_form(self, mapped: Mapped, now_ms: int) -> dict[str, Any]:  # noqa: ARG002 - the contract
        """Return nothing."""
        return {}


def _build(fields: Any, event: Event, record: Record, now_ms: int) -> Payload:  # noqa: ANN401, ARG001 - the contract
    return Payload("send", "main", b"{}", ("user",))


HEAD = "kafka: {bootstrap_servers: a, topics: [t]}\ndestinations:\n  one:\n    type: fake\n    start: latest\n"
LISTED = '    subscriptions: [{name: a, trigger: type = "track", action: send, mapping: {text: x}}]\n'


def problems_of(path: Path, text: str) -> list[str]:
    """Return what a file with the made-up vendor is blamed for, without the file's name."""
    path.write_text(text)
    try:
        load_settings(path, {"fake": FakeDestination})
    except ConfigError as error:
        return str(error).replace(f"{path}:", "").split("\n")
    return []


def test_a_vendor_of_ones_own_needs_nothing_but_a_registry(tmp_path: Path) -> None:
    """The root model is composed of whatever vendors there are."""
    assert problems_of(tmp_path / "f", HEAD + "    settings: {size: 7}\n" + LISTED) == []


def test_a_vendor_that_objects_to_its_settings_is_heard(tmp_path: Path) -> None:
    """What a vendor finds only when it is made stands at its settings."""
    assert problems_of(tmp_path / "f", HEAD + "    settings: {refuses: true}\n" + LISTED) == [
        "6:15: destinations.one.settings: these settings do not go together",
    ]


def test_presets_that_cannot_be_used_are_an_error_of_the_file(tmp_path: Path) -> None:
    """Presets may be shaped by settings, so a file can break them; nothing but an error of configuration comes out."""
    (line,) = problems_of(tmp_path / "f", HEAD + "    settings: {}\n    subscriptions: default\n")
    assert line.startswith("7:20: destinations.one.subscriptions: the presets cannot be used with these settings: ")
    assert problems_of(tmp_path / "f", HEAD + "    settings: {preset: raises}\n") == [
        "3:3: destinations.one.subscriptions: no preset fits",
    ]
    assert problems_of(tmp_path / "f", HEAD + """    settings: {preset: 'type = "track"'}\n""") == []


def test_an_endpoint_of_single_payloads_gets_no_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its body would be no JSON; the endpoints beside it may have any number."""
    monkeypatch.setenv("TEST_KEY", "k")
    text = HEAD.replace("fake", "moesif") + (
        "    settings: {application_id: {env: TEST_KEY}}\n"
        "    delivery: {endpoints: {users: {max_batch_count: 7}, anonymous_users: {max_batch_count: 2}}}\n"
    )
    path = tmp_path / "f"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_settings(path)
    assert str(refused.value).removeprefix(f"{path}:") == (
        "7:92: destinations.one.delivery.endpoints.anonymous_users.max_batch_count: found 2; allowed: 1, for this "
        "endpoint takes one payload a request"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read: No such file"), (b"{}", "is no Avro schema: KeyError"), (b"\xff", "is not UTF-8")],
)
def test_a_schema_file_without_a_schema_is_an_error_of_the_file(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """Line and key are told before anything starts, beside the other faults."""
    path = tmp_path / "event.avsc"
    if content is not None:
        path.write_bytes(content)
    text = HEAD + f"    settings: {{}}\n    decode: {{format: avro, avro: {{schema_file: {path}}}}}\n" + LISTED
    first, second = problems_of(tmp_path / "f", text.replace("send", "sned"))
    assert first.startswith("7:48: destinations.one.decode.avro.schema_file: ")
    assert reason in first
    assert first.endswith("; allowed: a file that holds an Avro schema")
    assert second.startswith("8:")


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "a file that exists"), (b"\xff", "is not UTF-8 at byte 0; allowed: a UTF-8 file")]
)
def test_a_list_of_users_that_cannot_be_read_is_an_error_of_the_file(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """Without the list, what must not be sent would be: so nothing starts."""
    path = tmp_path / "ids.txt"
    if content is not None:
        path.write_bytes(content)
    text = HEAD + f"    settings: {{}}\n    suppressed_users: {{file: {path}}}\n" + LISTED
    (line,) = problems_of(tmp_path / "f", text)
    assert line.startswith("7:30: destinations.one.suppressed_users.file: ")
    assert reason in line


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("{}", "exactly one of `file` and `topic` is needed"),
        ("{topic: t}", "'t' holds something else already; allowed: a topic of its own"),
        ("{topic: segment-bridge.control}", "'segment-bridge.control' holds something else already"),
        ("{topic: users, max_bytes: 7}", "max_bytes"),
        ("{topic: 'a b'}", "topic"),
    ],
)
def test_a_topic_of_users_that_can_be_none_is_an_error_of_the_file(tmp_path: Path, written: str, reason: str) -> None:
    """There is one source, and a topic holds nothing but the list."""
    text = HEAD + f"    settings: {{}}\n    suppressed_users: {written}\n" + LISTED
    (line,) = problems_of(tmp_path / "f", text)
    assert line.startswith("7:")
    assert reason in line


def test_a_topic_of_users_is_not_looked_for_when_a_file_is_read(tmp_path: Path) -> None:
    """Only Kafka knows whether it exists, and it is asked when asked for."""
    text = HEAD + "    settings: {}\n    suppressed_users: {topic: users}\n" + LISTED
    assert problems_of(tmp_path / "f", text) == []


def test_a_list_that_lacks_a_needed_field_is_placed(tmp_path: Path) -> None:
    """Findings of the plan stand where they are."""
    text = HEAD + "    settings: {}\n" + LISTED.replace("{text: x}", "{}")
    (line,) = problems_of(tmp_path / "f", text)
    assert line.startswith("7:79: destinations.one.subscriptions[0].mapping: ")


def test_a_key_of_delivery_in_both_spellings_is_an_error(tmp_path: Path) -> None:
    """Which one holds would be a guess."""
    (line,) = problems_of(
        tmp_path / "f", HEAD + "    settings: {size: 7}\n" + LISTED + "    delivery: {max_attempts: 3}\n"
    )
    assert line.endswith(
        "destinations.one.delivery.max_attempts: the same limit stands in settings.size; allowed: one of the two"
    )


def test_a_faulty_part_does_not_hide_what_the_vendor_says_of_the_others(tmp_path: Path) -> None:
    """Positions in the list are those of the file, also when a faulty subscription before was left out."""
    text = HEAD.replace("latest", "someday") + "    settings: {size: 7}\n    subscriptions:\n"
    text += '      - {name: a, trigger: "type =", action: send, mapping: {text: x}}\n'
    text += '      - {name: b, trigger: type = "track", action: sned, mapping: {text: x}}\n'
    text += "    delivery: {endpoints: {mian: {max_batch_count: 3}}}\n"
    places = [line.partition(": ")[2].partition(": ")[0] for line in problems_of(tmp_path / "f", text)]
    assert places == [
        "destinations.one.start",
        "destinations.one.subscriptions[0].trigger",
        "destinations.one.subscriptions[1].action",
        "destinations.one.delivery.endpoints.mian",
        "destinations.one.delivery.endpoints.mian.max_batch_count",
    ]


class NeedySettings(BaseModel):
    """Settings of which two are needed."""

    key: Secret = Field(validation_alias=AliasChoices("key", "app_key"))
    place: str = Field(examples=["here"])
    size: int = 5


WHOLE = {"type": "fake", "settings": {}, "start": "latest", "deliver": True, "subscriptions": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("value", "faults"), [(5, [()]), (WHOLE, [()]), (WHOLE, [("deliver",), ("type",)]), ({"settings": {}}, [("type",)])]
)
def test_too_little_is_left(value: object, faults: list[tuple[str | int, ...]]) -> None:
    """Without a type no vendor can be asked."""
    assert sound_parts(value, faults, FakeSettings) is None


@pytest.mark.parametrize("settings", [{"app_key": 7, "size": 6, "place": 5}, {"size": 6}])
def test_settings_that_a_vendor_needs_are_stood_in_for(settings: dict[str, Any]) -> None:
    """The vendor can then say what it thinks of the rest; sound settings stay, in whatever spelling."""
    faults: list[tuple[str | int, ...]] = [("settings", "app_key"), ("settings", "place")]
    sound = sound_parts(WHOLE | {"settings": settings}, faults, NeedySettings)
    assert sound is not None
    assert sound.is_vendor_guessed
    assert sound.value["settings"] == {"key": Secret("stand-in"), "place": "here", "size": 6}
    kept = sound_parts(WHOLE | {"settings": {"app_key": "k"}}, [("settings", "place")], NeedySettings)
    assert kept is not None
    assert kept.value["settings"] == {"app_key": "k", "place": "here"}


def test_missing_settings_are_stood_in_for() -> None:
    """A destination without settings has one fault for that, and those of its other parts."""
    sound = sound_parts({"type": "fake"}, [("settings",)], NeedySettings)
    assert sound is not None
    assert sound.value == {"type": "fake", "start": "latest", "settings": {"key": Secret("stand-in"), "place": "here"}}


def test_a_faulty_setting_does_not_hide_the_faults_of_the_subscriptions(tmp_path: Path) -> None:
    """What the vendor says of stand-ins for its settings is not about the file; what it says of the rest is."""
    text = HEAD + "    settings: {size: many, refuses: true}\n" + LISTED.replace("send", "sned")
    assert [line.split(": ")[1] for line in problems_of(tmp_path / "f", text)] == ["destinations.one.settings.size"]
    text = text.replace(", refuses: true", "")
    assert [line.split(": ")[1] for line in problems_of(tmp_path / "f", text)] == [
        "destinations.one.settings.size",
        "destinations.one.subscriptions[0].action",
    ]


def test_sound_parts_keep_the_rest() -> None:
    """Faulty parts are left out, faulty subscriptions singly, and a start that is missing has no bearing."""
    in_mapping = ("subscriptions", "tuple", 1, "mapping", "text", 2)
    sound = sound_parts(WHOLE, [("deliver",), ("start",), in_mapping], FakeSettings)
    assert sound is not None
    assert sound.value == {"type": "fake", "settings": {}, "start": "latest", "subscriptions": ["a", "c"]}
    assert sound.original(("subscriptions", 1, "action")) == ("subscriptions", 2, "action")
    assert sound.original(("delivery", "endpoints")) == ("delivery", "endpoints")
