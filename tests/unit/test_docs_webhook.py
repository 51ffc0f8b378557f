"""The page of the webhook: its subscription runs, its table of bodies and its receiver's check are true."""

from __future__ import annotations

import hmac
import io
import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from processor.config.secret import PLAIN_SECRETS
from processor.destinations.gates import GateSettings
from processor.destinations.plan import Plan
from processor.destinations.webhook.destination import WebhookDestination
from processor.destinations.webhook.settings import SignatureSettings, WebhookSettings
from processor.mapping import SubscriptionSettings
from processor.model import Record
from tests.markdown_pages import blocks, page_text, rows

PAGE = page_text("docs/destinations/webhook.md")
EVENT = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m1",
    "userId": "u1",
    "properties": {"total": 20, "coupon": "X"},
}


def destination(**settings: Any) -> WebhookDestination:  # noqa: ANN401 - plain settings
    """Return a webhook with these settings."""
    given = {"url": "https://hooks.example.com/segment"} | settings
    return WebhookDestination.create("w", WebhookSettings.model_validate(given, context={PLAIN_SECRETS: True}))


def test_the_subscription_sends_what_it_says() -> None:
    """The example of a mapping makes the object that one would read it to make."""
    (text,) = [block.text for block in blocks(PAGE) if block.info == "yaml subscriptions"]
    listed = [SubscriptionSettings.model_validate(one) for one in YAML(typ="safe").load(io.StringIO(text))]
    plan = Plan.compile(destination(), listed)
    (payload,) = plan.map(EVENT, Record("t", 0, 1, 0), 0).payloads
    assert json.loads(payload.body) == {"id": "m1", "customer": "u1", "total": 20}
    assert plan.map(EVENT | {"event": "Other"}, Record("t", 0, 1, 0), 0).payloads == []


@pytest.mark.parametrize(("body", "wrapper", "request_body"), rows(PAGE, "`body`", "`wrapper`", "a request's body"))
def test_bodies_look_as_the_table_says(body: str, wrapper: str, request_body: str) -> None:
    """Each line of the table is what these settings send."""
    endpoint = destination(body=body, wrapper=None if wrapper == "none" else wrapper).endpoints["hook"]
    items = [b"{}"] * request_body.count("{…}")
    sent = json.loads(endpoint.envelope.join(items, 0))
    assert sent == json.loads(request_body.replace("…", ""))


def test_the_receivers_check_takes_what_is_sent() -> None:
    """The lines for a receiver, run on what an attempt sends."""
    (code,) = [block.text for block in blocks(PAGE) if block.info == "python"]
    signing = destination(signature={"secret": "k", "timestamp_header": "X-Time"})
    body = json.dumps([EVENT]).encode()
    headers = signing.headers(signing.endpoints["hook"], body, 1_773_576_000_250)
    received: dict[str, Any] = {
        "hmac": hmac,
        "secret": b"k",
        "body": body,
        "time_header": headers["X-Time"].encode(),
        "signature_header": headers["X-Signature"],
    }
    exec(code, received)
    assert received["is_ours"]
    exec(code, changed := received | {"body": body + b" "})
    assert not changed["is_ours"]


def test_every_setting_is_on_the_page() -> None:
    """All that are not shared with other destinations, those of signatures included."""
    shared = {"allow_http", "gzip", "batch_size", "max_request_bytes", "integration_names"}
    own = set(WebhookSettings.model_fields) - set(GateSettings.model_fields)
    names = (own - shared) | set(SignatureSettings.model_fields)
    assert {name for name in names if name not in PAGE} == set()
