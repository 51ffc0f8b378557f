"""All faults of a file come at once: one kind does not hide another."""

from __future__ import annotations

from pathlib import Path

import pytest

from processor.errors import ConfigError
from processor.settings import load_without_secrets

KAFKA = """
kafka: {bootstrap_servers: "localhost:9092", topics: [segment-events]}
"""
MOESIF = """
    start: earliest
    settings: {application_id: {env: MOESIF_APPLICATION_ID}}
    subscriptions:
"""


def _faults(text: str, folder: Path) -> list[tuple[int, str]]:
    """Return line and key of every fault of a file."""
    file = folder / "bridge.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_without_secrets(file)
    lines = [line.removeprefix(f"{file}:").split(": ") for line in str(caught.value).splitlines()]
    return [(int(place.partition(":")[0]), key) for place, key, *_ in lines]


def _subscriptions(*items: str) -> str:
    """Return a file with these subscriptions, one a line from line 8 on."""
    lines = "".join(f"      - {{{item}}}\n" for item in items)
    return f"{KAFKA}destinations:\n  crm:\n    type: moesif{MOESIF}{lines}".replace("\n\n", "\n").lstrip()


def test_a_subscription_shows_all_that_is_wrong_with_it(tmp_path: Path) -> None:
    """Trigger, fields that there are not, a needed one that is missing, and what subscriptions say together."""
    text = _subscriptions(
        """name: A, trigger: 'type = "track" and', action: sendAction, mapping: {action_name: x, other: 1}""",
        """name: B, trigger: 'type = "track"', action: sendActon, mapping: {action_name: x}""",
        """name: B, trigger: 'type = "page"', action: sendAction, mapping: {action_nme: {"@pth": $.event}}""",
        """name: C, triger: 'type = "page"', action: sendAction, mapping: {action_name: x, more: 1}""",
        """name: D, trigger: 'type = "page"', mapping: {more: 1}""",
        """trigger: 'type = "page"', action: sendAction, mapping: {action_name: x, last: 1}""",
    )
    own = "destinations.crm.subscriptions"
    assert _faults(text, tmp_path) == [
        (8, f"{own}[0].trigger"),
        (8, f"{own}[0].mapping.other"),
        (9, f"{own}[1].name"),
        (9, f"{own}[1].action"),
        (10, f"{own}[2].name"),
        (10, f"{own}[2].mapping.action_nme"),
        (10, f"{own}[2].mapping.action_nme"),
        (11, f"{own}[3].trigger"),
        (11, f"{own}[3].triger"),
        (11, f"{own}[3].mapping.more"),
        (12, f"{own}[4].action"),
        (13, f"{own}[5].name"),
        (13, f"{own}[5].mapping.last"),
    ]


@pytest.mark.parametrize(
    "item",
    [
        "name: A, trigger: t, action: sendAction, mapping: {'@pth': 1}",
        "name: A, subscribe: t, actionSlug: sendAction, fields: '{'",
        "name: A, trigger: t, action: sendAction, mapping: 3",
        "name: A, trigger: t, action: 4, mapping: {}",
    ],
)
def test_what_cannot_be_told_of_a_faulty_subscription_is_left(item: str, tmp_path: Path) -> None:
    """Where the fault is such that nothing else can be said, only the other subscriptions are looked at."""
    other = """name: B, trigger: 'type = "track"', action: sendActon, mapping: {action_name: x}"""
    faults = _faults(_subscriptions(item, other), tmp_path)
    assert (9, "destinations.crm.subscriptions[1].action") in faults
    assert all(key.startswith("destinations.crm.subscriptions[0]") for line, key in faults if line == 8)


def test_a_misspelt_type_is_held_against_the_vendor_that_was_meant(tmp_path: Path) -> None:
    """A letter too many does not hide what is below it."""
    text = _subscriptions("""name: B, trigger: 'type = "track"', action: sendActon, mapping: {action_name: x}""")
    faults = _faults(text.replace("type: moesif\n", "type: moesiff\n"), tmp_path)
    assert faults == [(4, "destinations.crm.type"), (8, "destinations.crm.subscriptions[0].action")]


def test_a_type_under_a_misspelt_key_is_read_as_it_was_meant(tmp_path: Path) -> None:
    """What stands below is held against its vendor; of two such keys neither is guessed."""
    item = """name: B, trigger: 'type = "track"', action: sendActon, mapping: {action_name: x}"""
    text = _subscriptions(item).replace("application_id: {env", "application_idd: {env")
    below = [
        (6, "destinations.crm.settings.application_id"),
        (6, "destinations.crm.settings.application_idd"),
        (8, "destinations.crm.subscriptions[0].action"),
    ]
    keys = [(3, "destinations.crm.type"), (4, "destinations.crm.typ")]
    assert _faults(text.replace("type: moesif\n", "typ: moesif\n"), tmp_path) == keys + below
    both = _faults(text.replace("type: moesif\n", "typ: moesif\n    typee: moveo\n"), tmp_path)
    assert both == [*keys, (5, "destinations.crm.typee")]


def test_misspelt_top_level_keys_are_read_as_they_were_meant(tmp_path: Path) -> None:
    """What stands under them is checked as well."""
    text = (
        f"{KAFKA.strip()}\ndestination: {{crm: {{type: moveo, strt: 1, settings: {{}}}}}}\ndead_leters: {{topc: x}}\n"
    )
    assert _faults(text, tmp_path) == [
        (1, "destinations"),
        (2, "destination"),
        (2, "destinations.crm.start"),
        (2, "destinations.crm.strt"),
        (2, "destinations.crm.settings.api_key"),
        (3, "dead_leters"),
        (3, "dead_letters.topc"),
    ]


def test_two_keys_that_could_both_be_meant_are_not_guessed(tmp_path: Path) -> None:
    """Which of them holds would be a guess; neither is looked into."""
    faults = _faults(f"{KAFKA.strip()}\ndestination: 3\ndestinatons: 4\n", tmp_path)
    assert faults == [(1, "destinations"), (2, "destination"), (3, "destinatons")]
