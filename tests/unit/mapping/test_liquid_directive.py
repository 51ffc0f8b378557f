"""`@liquid` in a mapping: check, compilation, counters that write into the mapping's own event."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from processor.errors import MappingError
from processor.mapping import compile_mapping, transform, validate
from processor.mapping.own_event import is_own, on_own_event


def liquid(template: str) -> dict[str, str]:
    """Return the directive for a template."""
    return {"@liquid": template}


@pytest.mark.parametrize("value", [{"@path": "$.a"}, 5, None, ["x"]])
def test_only_a_text_is_a_template(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Also where the check does not look."""
    assert [problem.path for problem in validate({"x": {"@liquid": value}})] == ["/x/@liquid"]
    assert validate({"x": [{"@liquid": value}]}) == []
    with pytest.raises(MappingError, match="/x/0/@liquid needs a text"):
        transform({"x": [{"@liquid": value}]}, {})


@pytest.mark.parametrize("template", ["{{ a", "{% for x in a %}{% endfor %}", "x" * 1001])
def test_what_fails_for_each_event_is_refused_at_load(template: str) -> None:
    """Segment's check lets it through and its run fails; nobody waits for events here."""
    mapping = {"x": liquid(template)}
    assert validate(mapping) == []
    for run in (transform, lambda mapping, _event: compile_mapping(mapping)):
        with pytest.raises(MappingError, match="/x/@liquid"):
            run(mapping, {})


def test_a_filter_that_is_switched_off_fails_where_it_is_reached() -> None:
    """Segment fails then only; whoever checks at load hears of it before."""
    mapping = {"x": liquid("{% if a %}{{ a | map: 'x' }}{% endif %}")}
    assert {"x": ""} == transform(mapping, {})
    with pytest.raises(MappingError, match="/x/@liquid uses the filter map"):
        transform(mapping, {"a": 1})
    with pytest.raises(MappingError, match="/x/@liquid uses the filter map"):
        compile_mapping(mapping)


def test_an_empty_template_is_empty_text() -> None:
    """And a constant."""
    assert {"x": ""} == transform({"x": liquid("")}, {})


def test_errors_say_where_and_nothing_of_the_event() -> None:
    """Safe to log."""
    with pytest.raises(MappingError) as caught:
        compile_mapping({"x": liquid("{{ a }}")})({"a": {"toString": "s3cret"}})
    assert "/x/@liquid an object with a key toString has no text" == str(caught.value) == caught.value.safe


def test_counters_are_seen_by_what_comes_later() -> None:
    """In the order of the mapping's keys, and the caller's event stays as it was."""
    event: dict[str, Any] = {"n": 5}
    mapping = {
        "before": {"@path": "$.n"},
        "x": liquid("{% increment n %}{% decrement m %}"),
        "n": {"@path": "$.n"},
        "m": {"@template": "{{m}}"},
        "y": liquid("{{ n }}"),
    }
    run = compile_mapping(mapping)
    for _ in range(2):
        assert {"before": 5, "x": "5-1", "n": 6, "m": "-1", "y": "6"} == run(event)
    assert {"n": 5} == event


def test_counters_write_only_into_the_own_event() -> None:
    """Another root keeps its counters to the template."""
    root = {"n": 1}
    resolve = on_own_event(lambda own: (is_own(own), is_own(root), is_own(None)))
    assert (True, False, False) == resolve(root)
    assert not is_own(root)
    with pytest.raises(ZeroDivisionError):
        on_own_event(lambda _own: 1 // 0)(root)
    assert not is_own(None)


def test_threads_do_not_share_an_own_event() -> None:
    """Two mappings that run at once have an event each."""
    seen: list[bool] = []

    def ask(own: Any) -> None:  # noqa: ANN401 - any JSON value
        thread = threading.Thread(target=lambda: seen.append(is_own(own)))
        thread.start()
        thread.join()

    on_own_event(ask)({})
    assert [False] == seen
