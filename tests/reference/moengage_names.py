"""How MoEngage's attributes are called: sections 4 and 5.2 of its contract."""

from __future__ import annotations

import unicodedata
from typing import Final, Literal

Owner = Literal["user", "event"]

LONGEST_NAME: Final = 200
STANDARD: Final = {
    "firstname": "first_name",
    "lastname": "last_name",
    "phone": "mobile",
    "created_at": "created_time",
}
"""Attributes of a user that MoEngage knows by another name than Segment; the rest have the same in both."""
AS_TEXT: Final = frozenset({"email", "mobile"})
BLOCKED: Final = frozenset({"id", "_id", ""})
RESERVED: Final = frozenset(
    {
        *(f"user_attribute_{name}" for name in ("unique_id", "notification_pref", "old_id")),
        *(f"user_attribute_user_{name}" for name in ("email", "mobile", "name", "gender", "bday")),
        *(f"user_attribute_user_{name}" for name in ("first_name", "last_name")),
        *(f"user_attribute_dnd_{name}_time" for name in ("start", "end")),
        *("moe_time_format", "moe_time_timezone", "moe_gaid", "install", "update", "moe_islat"),
        *("status", "user_id", "source"),
    }
)
ALLOWED: Final[dict[Owner, frozenset[str]]] = {
    "user": frozenset(
        {
            *("moe_wa_subscription", "moe_em_unsub_categories", "moe_sub_w", "moe_spam", "moe_unsubscribe"),
            *("moe_hard_bounce", "moe_sms_subscription", "moe_email_optin_status", "moe_gaid"),
        }
    ),
    "event": frozenset({"moe_project_name"}),
}
"""Names that start with `moe_` and are meant to."""


def snake_case(key: str) -> str:
    """Return a key by rule R of section 4.2; empty when nothing of it is left."""
    words: list[str] = []
    word = ""
    letters = ""  # what the letters of the word are, L or U each
    characters = [*_characters(unicodedata.normalize("NFC", key)), ("", "-")]
    for place, (character, kind) in enumerate(characters):
        behind = "".join(kind for _, kind in characters[place + 1 : place + 3])
        starts = kind == "U" and (letters.endswith("L") or (letters.endswith("U") and behind == "LL"))
        if word and (starts or kind == "-"):
            words.append(word)
            word = letters = ""
        if kind != "-":
            word += character
        if kind in {"U", "L"}:
            letters += kind
    return unicodedata.normalize("NFC", "_".join(word.lower() for word in words))


def _characters(text: str) -> list[tuple[str, str]]:
    """Return each character with its marks and its kind: U, L, D (digit), or - for a separator."""
    kinds = {"Lu": "U", "Lt": "U", "Nd": "D"}
    found: list[tuple[str, str]] = []
    for letter in text:
        category = unicodedata.category(letter)
        if category.startswith("M") and found:
            character, kind = found.pop()
            found.append((character + letter, kind))
        else:
            found.append((letter, kinds.get(category, "L" if category.startswith("L") else "-")))
    return found


def usable_name(name: str, owner: Owner) -> str:
    """Return what a converted and flattened key is called at MoEngage; empty when it may not be sent."""
    if owner == "user":
        name = STANDARD.get(name, name)
        if name in BLOCKED:
            return ""
    plain = name.lower()
    if plain in ALLOWED[owner]:
        return name
    is_taken = plain.startswith("moe_") or (owner == "user" and plain in RESERVED)
    return f"segment_{name}" if is_taken else name
