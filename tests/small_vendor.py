"""A small vendor for tests of plans: what it builds shows by which record and subscription it was built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from processor.destinations.base import Action, Destination, Endpoint, Field
from processor.destinations.ids import record_name
from processor.destinations.text import encode
from processor.mapping import SubscriptionSettings
from processor.model import Answer, Built, Decision, Event, Mapped, Payload, Record, Rejected, Skipped, Verdict

RECORD: Final = Record("orders.raw", 0, 7, 0)


class SmallSettings(BaseModel):
    """Settings of the small vendor."""

    model_config = ConfigDict(frozen=True)

    company_path: str = "$.company"


class SmallVendor(Destination):
    """A vendor with two endpoints, whose payloads show by which record they were built."""

    type = "small"
    settings_model = SmallSettings
    preset_settings = frozenset({"company_path"})

    def __init__(self, settings: SmallSettings) -> None:
        """Make two actions: one payload at `events`, or one there and one at `users`."""
        self.name = "small"
        self.settings = settings
        self.endpoints = {name: Endpoint(name, "https://x.example", 10, 1000, 10) for name in ("events", "users")}
        fields = (Field("id", "string", "An id.", required=True), Field("note", "any", "Anything."))
        self.actions = {
            "send": Action("send", "Send.", fields, self._send, ("events",)),
            "both": Action("both", "Send and update.", fields, self._both, ("events", "users")),
        }

    @classmethod
    def create(cls, name: str, settings: BaseModel) -> SmallVendor:
        """Return the vendor."""
        assert isinstance(settings, SmallSettings)
        made = cls(settings)
        made.name = name
        return made

    def presets(self) -> list[dict[str, Any]]:
        """Return one subscription for track."""
        mapping = {"id": {"@path": "$.id"}, "note": {"@path": self.settings.company_path}}  # type: ignore[attr-defined]
        return [{"name": "Track", "trigger": 'type = "track"', "action": "send", "mapping": mapping}]

    def admit(self, event: Any, *, presets: bool) -> Event | Skipped | Rejected:  # noqa: ANN401 - any JSON value
        """Admit objects; with presets in force skip pages."""
        if not isinstance(event, dict):
            return Rejected("not_an_object", "no object")
        return Skipped("unsupported_type") if presets and event["type"] == "page" else event

    def headers(self, endpoint: Endpoint, body: bytes, now_ms: int) -> dict[str, str]:
        """Return none."""
        del endpoint, body, now_ms
        return {}

    def classify(self, endpoint: Endpoint, answer: Answer, count: int, now_ms: int, *, compressed: bool) -> Verdict:
        """Take everything."""
        del endpoint, answer, count, now_ms, compressed
        return Verdict(Decision.DELIVERED)

    def vector_form(self, mapped: Mapped, now_ms: int) -> dict[str, Any]:
        """Return nothing of interest."""
        del mapped, now_ms
        return {}

    def _send(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:
        """Build one payload, refuse one without an id, skip the id `skip`."""
        del event, now_ms
        if fields.get("id") == "skip":
            return Skipped("small")
        if fields.get("id") is None:
            return Rejected("missing_id", "there is no id")
        return Payload("send", "events", encode([record_name(record), fields.get("note")]), (str(fields["id"]),))

    def _both(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:
        """Build one payload at each endpoint."""
        sent = self._send(fields, event, record, now_ms)
        return (sent, Payload("both", "users", b"{}", ("u",))) if isinstance(sent, Payload) else sent


def subscription(name: str, action: str = "send", **changes: Any) -> SubscriptionSettings:  # noqa: ANN401 - any member
    """Return a subscription that takes every track, with these changes."""
    content: dict[str, Any] = {
        "name": name,
        "trigger": 'type = "track"',
        "action": action,
        "mapping": {"id": {"@path": "$.id"}},
    }
    return SubscriptionSettings.model_validate(content | changes)
