"""The event on which the contract's tables of both languages were measured."""

from __future__ import annotations

from typing import Any

EVENT: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "name": "Home",
    "userId": "u1",
    "anonymousId": "a1",
    "messageId": "m1",
    "groupId": "g1",
    "properties": {
        "price": 19.99,
        "qty": 3,
        "sku": "SKU-1",
        "vip": True,
        "off": False,
        "nul": None,
        "empty": "",
        "product 1": {"price": "19.99"},
        "nested": {"a": {"b": "deep"}},
        "tags": ["x", "y"],
        "a.b": "dotkey",
        "num_str": "10",
        "products": [{"price": 5}],
        "email": "jo@Company.com",
        "fee-x": 2,
        "$lib": "q",
        "star": "*",
        "app_url": "/login",
    },
    "traits": {"plan": "pro", "logins": 12},
    "context": {
        "app": {"name": "Shop", "version": "2.10.1"},
        "os": {"name": "iPhone OS"},
        "personas": {"computation_class": "audience", "computation_key": "vip"},
        "library": {"name": "analytics.js"},
    },
    "integrations": {"All": True},
}
