"""The fields that Segment's triggers know, whoever reads the trigger.

Source: contract of the trigger dialect; golden cases of the trigger language.
"""

from __future__ import annotations

from typing import Final

TEXT_FIELDS: Final = frozenset({"type", "event"})
"""Compared as text, whatever literal is written: null, true and numbers become their texts."""
HEAD_FIELDS: Final = frozenset({*TEXT_FIELDS, "name", "userId"})
"""Members of the event itself."""
SEARCHED_FIELDS: Final = frozenset({"event", "name", "userId"})
"""What the functions take beside the members of the objects below."""
BAGS: Final = frozenset({"properties", "traits", "context"})
"""Objects whose members are named by a path; their values are compared with their types."""
