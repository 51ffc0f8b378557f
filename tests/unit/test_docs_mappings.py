"""The examples of the mapping language do what its pages say."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from processor.destinations import destination_class
from processor.destinations.defaults import completed
from processor.destinations.filters import FilterSettings
from processor.destinations.futile import futile
from processor.destinations.reference import example
from processor.errors import MappingError
from processor.mapping import Trigger, compile_mapping, compile_subscriptions
from processor.mapping.directives import DIRECTIVES
from processor.mapping.subscriptions import SubscriptionSettings
from tests.markdown_pages import blocks, page_text, rows

MAPPINGS, DIRECTIVES_PAGE, TRIGGERS = (page_text(f"docs/{name}.md") for name in ("mappings", "directives", "triggers"))


def yaml_value(text: str) -> Any:  # noqa: ANN401 - any YAML value
    """Return the value of a YAML text."""
    return YAML(typ="safe").load(io.StringIO(text))


def mapping_cases() -> list[tuple[Any, Any, Any]]:
    """Return mapping, event and result of each example, which stand behind one another."""
    texts: dict[str, list[str]] = {"yaml mapping": [], "json event": [], "json result": []}
    for block in blocks(DIRECTIVES_PAGE):
        if block.info in texts:
            texts[block.info].append(block.text)
    return [
        (yaml_value(mapping), json.loads(event), json.loads(result))
        for mapping, event, result in zip(*texts.values(), strict=True)
    ]


@pytest.mark.parametrize(("mapping", "event", "result"), mapping_cases())
def test_mapping_gives_the_result(mapping: Any, event: Any, result: Any) -> None:  # noqa: ANN401 - any JSON values
    """Each mapping makes of its event what stands below it."""
    assert result == compile_mapping(mapping)(event)


def test_subscription_is_one() -> None:
    """The examples of subscriptions compile."""
    texts = [block.text for block in blocks(MAPPINGS) if block.info == "yaml subscriptions"]
    settings = [SubscriptionSettings.model_validate(item) for text in texts for item in yaml_value(text)]
    assert ["Orders", "Identify", "Wholesale"] == [
        subscription.name for subscription in compile_subscriptions(settings).all
    ]


def test_defaults_are_the_presets() -> None:
    """The example of default mappings comes to the preset but for what it names."""
    texts = [
        block.text for block in blocks(MAPPINGS) if block.info == "yaml subscriptions" and "Wholesale" in block.text
    ]
    (one,) = (item for text in texts for item in yaml_value(text))
    vendor = example(destination_class("moengage"))
    (preset,) = (item["mapping"] for item in vendor.presets() if item["action"] == one["action"])
    mapping = completed(vendor.actions, SubscriptionSettings.model_validate(one)).mapping
    assert preset | {"userId": {"@path": "$.properties.customer_id"}, "os_name": None} == mapping


@pytest.mark.parametrize(("mapping", "text"), rows(MAPPINGS, "mapping of `trackEvent`", "what `check` warns of"))
def test_mapping_is_warned_of(mapping: str, text: str) -> None:
    """Each mapping that can never satisfy the vendor is told in the page's words."""
    one = {"name": "One", "trigger": 'type = "track"', "action": "trackEvent", "mapping": json.loads(mapping)}
    one |= {"use_defaults": False}
    actions = example(destination_class("moengage")).actions
    ((_, told),) = futile(actions, SubscriptionSettings.model_validate(one))
    assert text in told


@pytest.mark.parametrize(("trigger", "takes"), rows(TRIGGERS, "trigger", "takes it"))
def test_trigger_takes_the_event_or_not(trigger: str, takes: str) -> None:
    """Each trigger says about the page's event what the page says."""
    (event,) = (json.loads(block.text) for block in blocks(TRIGGERS) if block.info == "json trigger-event")
    assert takes == ("yes" if Trigger.parse_strict(trigger).matches(event) else "no")


@pytest.mark.parametrize(("trigger", "takes"), rows(TRIGGERS, "with `as_segment: true`", "takes it"))
def test_trigger_as_segment_takes_the_event_or_not(trigger: str, takes: str) -> None:
    """Each trigger that is refused otherwise takes the page's event as Segment would, as the page says."""
    (event,) = (json.loads(block.text) for block in blocks(TRIGGERS) if block.info == "json trigger-event")
    assert takes == ("yes" if Trigger.parse(trigger).matches(event) else "no")
    with pytest.raises(MappingError):
        Trigger.parse_strict(trigger)


@pytest.mark.parametrize(("trigger", "why"), rows(TRIGGERS, "trigger", "why it is refused"))
def test_trigger_is_refused(trigger: str, why: str) -> None:
    """Each refused trigger is refused for the reason given."""
    with pytest.raises(MappingError) as caught:
        Trigger.parse_strict(trigger)
    assert why in caught.value.safe


@pytest.mark.parametrize(("mapping", "why"), rows(MAPPINGS, "mapping", "why it is refused"))
def test_mapping_is_refused(mapping: str, why: str) -> None:
    """Each refused mapping is refused for the reason given."""
    with pytest.raises(MappingError) as caught:
        compile_mapping(json.loads(mapping))
    assert why in caught.value.safe


def test_every_directive_is_on_its_page() -> None:
    """Each stands under its name."""
    assert [] == [name for name in DIRECTIVES if f"\n## {name}\n" not in DIRECTIVES_PAGE]


def test_filters_can_be_used() -> None:
    """The examples of destination filters load and parse."""
    (text,) = [block.text for block in blocks(TRIGGERS) if block.info == "yaml filters"]
    assert [None] * 3 == [FilterSettings.model_validate(item).fault for item in yaml_value(text)]
