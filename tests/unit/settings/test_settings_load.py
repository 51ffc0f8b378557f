"""The whole configuration: the documented shape loads, and whatever does not fit is named in its place."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from processor.destinations import REGISTRY
from processor.destinations.moesif.settings import MoesifSettings
from processor.errors import ConfigError
from processor.settings import DestinationSettings, Settings, load_settings, load_without_secrets

VALUE = "made-up-value"

BASE = """\
kafka:
  bootstrap_servers: localhost:9092
  topics: [segment-events]
destinations:
"""
MOESIF = """\
  crm:
    type: moesif
    start: earliest
    settings: {application_id: {env: TEST_KEY}}
"""

Load = Callable[[str], Settings]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return a function that loads a text as a file."""
    monkeypatch.setenv("TEST_KEY", VALUE)

    def loaded(text: str) -> Settings:
        path = tmp_path / "bridge.yaml"
        path.write_text(text)
        return load_settings(path)

    return loaded


@pytest.fixture
def problems(load: Load, tmp_path: Path) -> Callable[[str], list[str]]:
    """Return a function that gives the lines of the error that a text earns, without the file's name."""

    def found(text: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text)
        return str(caught.value).replace(f"{tmp_path}/bridge.yaml:", "").split("\n")

    return found


Problems = Callable[[str], list[str]]


def test_the_documented_shape_loads(load: Load, tmp_path: Path) -> None:
    """The example of the documentation, with each vendor's settings as that vendor's model."""
    (tmp_path / "kafka").write_text(f"{VALUE}\n")
    settings = load(f"""\
kafka:
  bootstrap_servers: localhost:9092
  topics: [segment-events]
  group_prefix: bridge
  properties: {{security.protocol: SASL_SSL, sasl.password: {{file: {tmp_path}/kafka}}}}
destinations:
  moesif-prod:
    type: moesif
    start: earliest
    settings:
      application_id: {{env: TEST_KEY}}
    subscriptions: default
    delivery: {{max_in_flight: 16, endpoints: {{actions: {{max_batch_count: 250, max_wait_ms: 1000}}}}}}
    deliver: true
dead_letters: {{topic: bridge.dead-letters}}
""")
    own = settings.destinations["moesif-prod"]
    assert isinstance(own.settings, MoesifSettings)
    assert own.settings.application_id.reveal() == VALUE
    assert own.delivery.endpoints["actions"].max_batch_count == 250
    assert (own.type, own.start, own.subscriptions, own.deliver) == ("moesif", "earliest", "default", True)
    assert settings.group_id("moesif-prod") == "bridge.moesif-prod"
    assert settings.dead_letters.topic == "bridge.dead-letters"


def test_a_destination_may_have_its_own_group(load: Load) -> None:
    """`group_id` stands as it is, without the prefix."""
    assert load(BASE + MOESIF + "    group_id: theirs\n").group_id("crm") == "theirs"


@pytest.mark.parametrize("start", ["latest", "2026-01-31T08:00:00Z", "2026-01-31T08:00:00+02:00"])
def test_a_start_may_be_a_time(load: Load, start: str) -> None:
    """Times need no quotes, and stay as they are written."""
    assert load(BASE + MOESIF.replace("earliest", start)).destinations["crm"].start == start


def test_a_list_of_subscriptions_loads(load: Load) -> None:
    """Directives are quoted, triggers plain."""
    text = """\
    subscriptions:
      - name: Orders
        trigger: type = "track"
        action: sendAction
        mapping: {"@path": "$.properties"}
"""
    subscriptions = load(BASE + MOESIF + text).destinations["crm"].subscriptions
    assert [(one.name, one.trigger) for one in subscriptions if not isinstance(one, str)] == [
        ("Orders", 'type = "track"'),
    ]


def test_nothing_of_the_settings_shows_a_secret(load: Load) -> None:
    """Texts, JSON, pickles of the parts and copies hold references at most."""
    settings = load(BASE + MOESIF)
    own = settings.destinations["crm"]
    shown = [repr(settings), settings.model_dump_json(), str(settings.model_dump()), str(pickle.dumps(own.settings))]
    shown.append(repr(copy.deepcopy(settings)))
    assert [text for text in shown if VALUE in text] == []


def test_an_answer_that_repeats_the_key_is_masked(load: Load) -> None:
    """What goes into dead letters is free of the destination's secrets."""
    own = load(BASE + MOESIF).destinations["crm"]
    assert own.mask(f"unknown key {VALUE}!") == "unknown key ***!"


def test_an_unknown_type_suggests_the_nearest(problems: Problems) -> None:
    """And the rest of the destination is checked in the same run."""
    text = BASE + MOESIF.replace("moesif", "moesiff").replace("start: earliest", "strat: earliest")
    start = str(DestinationSettings.model_fields["start"].description)
    assert [line.partition("; allowed")[0] for line in problems(text)] == [
        f"5:3: destinations.crm.start: a required key is missing: {start.partition('. ')[0]}",
        "6:11: destinations.crm.type: found 'moesiff'",
        "7:5: destinations.crm.strat: unknown key",
    ]
    assert problems(text)[1].endswith(f"allowed: {', '.join(REGISTRY)}; did you mean 'moesif'?")


@pytest.mark.parametrize("written", ["7", "[moesif]", "zzz"])
def test_other_types_are_refused(problems: Problems, written: str) -> None:
    """What is no word, or near none, suggests nothing."""
    (line,) = problems(BASE + MOESIF.replace("type: moesif", f"type: {written}"))
    assert line.startswith("6:11: destinations.crm.type: ")
    assert line.endswith(f"allowed: {', '.join(REGISTRY)}")


def test_a_destination_without_a_type_or_without_anything(problems: Problems) -> None:
    """The type is a required key like others, and comes with the vendors that there are."""
    assert problems(BASE + "  crm:\n    start: latest\n    settings: {}\n") == [
        f"5:3: destinations.crm.type: a required key is missing: the vendor; allowed: {', '.join(REGISTRY)}",
    ]
    assert problems(BASE + "  crm: 5\n") == [
        "5:8: destinations.crm: found the number 5; allowed: a mapping of keys to values",
    ]


def test_there_must_be_a_destination(problems: Problems) -> None:
    """An empty bridge is a mistake."""
    (line,) = problems(BASE.replace("destinations:", "destinations: {}"))
    assert line.startswith("4:15: destinations: found an empty mapping; allowed: ")


@pytest.mark.parametrize("name", ["Crm", "c_rm", "-crm", "crm-", "é", "a" * 64, "a.b"])
def test_names_are_dns_labels(problems: Problems, name: str) -> None:
    """Names stand in group ids, metrics and Kubernetes."""
    (line,) = problems(BASE + MOESIF.replace("crm", name))
    assert line.startswith("5:3: ")
    assert "the key is not a valid name; allowed: lower-case letters, digits and hyphens" in line


@pytest.mark.parametrize("name", ["a", "0", "a-b", "a" * 63])
def test_labels_of_any_length_up_to_the_limit(load: Load, name: str) -> None:
    """The bounds themselves are inside."""
    assert name in load(BASE + MOESIF.replace("crm", name)).destinations


def test_a_destination_written_twice_is_an_error(problems: Problems) -> None:
    """The second would silently replace the first."""
    assert problems(BASE + MOESIF + MOESIF) == [
        "9:3: destinations.crm: the key stands here a second time; the first is in line 5",
    ]


def test_a_limit_in_both_spellings_is_an_error(problems: Problems) -> None:
    """Which one holds would be a guess; the place is ours, the text names theirs."""
    text = MOESIF.replace("}}", "}, batch_size: 5}") + "    delivery: {endpoints: {users: {max_batch_count: 5}}}\n"
    (line,) = problems(BASE + text)
    place, _, found = line.partition(": ")
    assert place == "9:53"
    assert found == (
        "destinations.crm.delivery.endpoints.users.max_batch_count: the same limit stands in settings.batch_size; "
        "allowed: one of the two"
    )


def test_limits_of_different_kinds_do_not_clash(load: Load) -> None:
    """The vendor's batch size beside our wait is fine."""
    text = MOESIF.replace("}}", "}, batch_size: 5}") + "    delivery: {endpoints: {users: {max_wait_ms: 5}}}\n"
    assert load(BASE + text).destinations["crm"].delivery.endpoints["users"].max_wait_ms == 5


def test_an_unknown_endpoint_suggests_the_nearest(problems: Problems) -> None:
    """Only the vendor knows its endpoints."""
    (line,) = problems(BASE + MOESIF + "    delivery: {endpoints: {actionz: {}}}\n")
    assert line.startswith("9:37: destinations.crm.delivery.endpoints.actionz: unknown endpoint; allowed: ")
    assert line.endswith("; did you mean 'actions'?")
    (line,) = problems(BASE + MOESIF + "    delivery: {endpoints: {zzz: {}}}\n")
    assert "did you mean" not in line


def test_subscriptions_are_checked_against_the_vendor(problems: Problems) -> None:
    """Actions, fields, double names and broken triggers, all in one run and each in its place."""
    text = """\
    subscriptions:
      - {name: a, trigger: type = "track", action: sendAktion, mapping: {}}
      - {name: b, trigger: type = = "track", action: sendAction, mapping: {"@path": "$"}}
      - {name: c, trigger: type = "track", action: sendAction, mapping: {zzz: 1, "@path": "$"}}
      - {name: d, trigger: type = "page", action: sendActoin, mapping: {}}
"""
    lines = problems(BASE + MOESIF + text)
    starts = [line.partition(": ")[2].partition(":")[0] for line in lines]
    assert {f"destinations.crm.subscriptions[{index}]" for index in (0, 1, 3)} <= {
        start.rpartition(".")[0] for start in starts
    }


def test_two_subscriptions_of_one_name_are_refused(problems: Problems) -> None:
    """Metrics and dead letters could not tell them apart."""
    one = '      - {name: a, trigger: type = "track", action: sendAction, mapping: {"@path": "$"}}\n'
    lines = problems(BASE + MOESIF + "    subscriptions:\n" + one + one)
    assert [line.partition(": ")[2] for line in lines] == [
        f"destinations.crm.subscriptions[{index}].name: another subscription of this destination has the same name"
        for index in (0, 1)
    ]


def test_faults_of_one_part_do_not_hide_those_of_another(problems: Problems) -> None:
    """A wrong start, an unknown endpoint and a limit said twice: different stages find them, one run shows them."""
    text = MOESIF.replace("earliest", "someday").replace("}}", "}, batch_size: 5}")
    text += "    delivery: {endpoints: {actionz: {max_batch_count: 5}}}\n"
    places = [line.partition(": ")[2].partition(": ")[0] for line in problems(BASE + text)]
    assert places == [
        "destinations.crm.start",
        "destinations.crm.delivery.endpoints.actionz",
        "destinations.crm.delivery.endpoints.actionz.max_batch_count",
    ]


@pytest.mark.parametrize("path", ["", "a..b", "$", "."])
def test_an_event_path_that_is_none(problems: Problems, path: str) -> None:
    """Found before a record is."""
    (line,) = problems(BASE + MOESIF + f'    event_path: "{path}"\n')
    assert line.startswith("9:17: destinations.crm.event_path: ")


def test_an_event_path_stays_as_written(load: Load) -> None:
    """The decoder parses it again."""
    assert load(BASE + MOESIF + "    event_path: $.payload.event\n").destinations["crm"].event_path == "$.payload.event"


def test_faulty_privacy_is_named_where_it_stands(problems: Problems) -> None:
    """Each path that would hide nothing, a salt that is written literally, a text cut to nothing."""
    privacy = """\
    privacy:
      drop: [$.context.ip, $]
      hash: {paths: [$.userId, "$.items[].email"], salt: pepper}
      truncate: [{path: $.type, length: 0}]
"""
    found = problems(BASE + MOESIF + privacy)
    key = "destinations.crm.privacy"
    for place in ("drop[1]", "hash.paths[1]", "hash.salt", "truncate[0].path", "truncate[0].length"):
        assert [line for line in found if f"{key}.{place}" in line], (place, found)
    assert len(found) == 5
    assert "pepper" not in str(found)


def test_two_destinations_in_one_group_are_refused(problems: Problems) -> None:
    """Each would see only a part of the events; where the group is not written, its destination is the place."""
    other = MOESIF.replace("crm", "other") + "    group_id: segment-bridge.crm\n"
    assert problems(BASE + MOESIF + other) == [
        "5:3: destinations.crm.group_id: another destination is in the group 'segment-bridge.crm' as well",
        "13:15: destinations.other.group_id: another destination is in the group 'segment-bridge.crm' as well",
    ]


def test_the_dead_letter_topic_is_not_read(problems: Problems) -> None:
    """Dead letters among the source topics would go round for ever."""
    lines = problems((BASE + MOESIF).replace("segment-events", "segment-bridge.dead-letters") + "dead_letters: {}\n")
    assert any("dead_letters" in line and "would be read as events" in line for line in lines)


def test_the_control_topic_is_not_read_either(problems: Problems) -> None:
    """The same for the topic that remembers starts."""
    text = (BASE + MOESIF).replace("[segment-events]", "[segment-events, c]\n  control_topic: c")
    (line,) = problems(text)
    assert (
        line
        == "4:18: kafka.control_topic: 'c' is among kafka.topics, so what the bridge writes would be read as events"
    )


def test_a_pattern_of_topics_is_refused(load: Load) -> None:
    """Topics are looked up by their names; a pattern would be waited for as a topic that never appears."""
    with pytest.raises(ConfigError, match=r"kafka\.topics"):
        load((BASE + MOESIF).replace("segment-events", '"^segment-.*"'))


def test_a_drain_must_fit_between_polls(problems: Problems) -> None:
    """Else the group throws the process out while it tidies up."""
    text = BASE.replace("[segment-events]", "[segment-events]\n  consumer: {max_poll_interval_ms: 60000}")
    text += MOESIF + "    delivery: {drain_ms: 20001}\n"
    (line,) = problems(text)
    assert line == (
        "10:26: destinations.crm.delivery.drain_ms: found 20001; allowed: up to 20000, a third of "
        "kafka.consumer.max_poll_interval_ms"
    )


def test_a_literal_secret_is_refused_for_vendors_and_kafka_alike(problems: Problems) -> None:
    """In one run, without being shown."""
    text = BASE.replace("[segment-events]", f"[segment-events]\n  properties: {{sasl.password: {VALUE}}}")
    lines = problems(text + MOESIF.replace("{env: TEST_KEY}", VALUE))
    assert [line.partition(": ")[2] for line in lines] == [
        'kafka.properties["sasl.password"]: a secret is written literally; allowed: {env: NAME} or {file: PATH}',
        "destinations.crm.settings.application_id: a secret is written literally; allowed: {env: NAME} or {file: PATH}",
    ]
    assert VALUE not in "".join(lines)


def test_properties_that_the_promise_rests_on_are_refused(problems: Problems) -> None:
    """With the reason, at their own place."""
    text = BASE.replace("[segment-events]", "[segment-events]\n  properties: {group.id: x, acks: 1}")
    lines = problems(text + MOESIF)
    assert len(lines) == 2
    assert lines[0].startswith('4:26: kafka.properties["group.id"]: ')
    assert lines[1].startswith("4:35: kafka.properties.acks: ")


def test_other_properties_of_the_client_pass(load: Load) -> None:
    """Anything that librdkafka knows may be set."""
    text = BASE.replace("[segment-events]", "[segment-events]\n  properties: {log_level: 5}")
    assert load(text + MOESIF).kafka.properties == {"log_level": 5}


def test_an_empty_file_names_what_is_missing(problems: Problems) -> None:
    """The first thing that a new user meets."""
    destinations, kafka = problems("{}\n")
    assert destinations.startswith("1:1: destinations: a required key is missing: The destinations by name")
    assert kafka == "1:1: kafka: a required key is missing: The Kafka that events come from"


OTHER = """\
  other:
    type: moveo
    start: latest
    settings: {api_key: {env: TEST_MISSING}}
"""


def test_a_process_needs_the_secrets_of_what_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of another destination that is not there is not missed; one of its own is."""
    monkeypatch.setenv("TEST_KEY", VALUE)
    monkeypatch.delenv("TEST_MISSING", raising=False)
    path = tmp_path / "bridge.yaml"
    path.write_text(BASE + MOESIF + OTHER)
    assert list(load_settings(path, choose=lambda known: [name for name in known if name == "crm"]).destinations) == [
        "crm"
    ]
    for choose in (None, lambda _: ["other"]):
        with pytest.raises(ConfigError, match="environment variable TEST_MISSING is not set"):
            load_settings(path, choose=choose)
    assert list(load_without_secrets(path).destinations) == ["crm", "other"]


@pytest.mark.parametrize("fault", ["start: soon", "strat: latest", "settings: {api_key: {env: 'a key itself'}}"])
def test_the_rest_of_the_file_must_be_right(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault beside what runs may be a slip that changes what runs, such as a group that two destinations share."""
    monkeypatch.setenv("TEST_KEY", VALUE)
    path = tmp_path / "bridge.yaml"
    path.write_text(BASE + MOESIF + OTHER + f"    {fault}\n")
    with pytest.raises(ConfigError):
        load_settings(path, choose=lambda _: ["crm"])
    with pytest.raises(ConfigError):
        load_without_secrets(path)
