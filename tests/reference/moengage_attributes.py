"""How `traits` and `properties` become attributes of MoEngage: keys, flattening, names, collisions, values, cuts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from tests.reference.moengage_names import AS_TEXT, LONGEST_NAME, Owner, usable_name
from tests.reference.moengage_values import LONGEST_TEXT, printed, sent_value

MOST_OF_EVENT: Final = 100


class Leaf(NamedTuple):
    """A value found in a bag: where it was found, and what it is called so far."""

    path: tuple[str, ...]
    name: str
    value: Any
    is_count: bool = False


def attributes_of_event(bag: dict[str, Any], own: dict[str, Any], key_case: Callable[[str], str]) -> dict[str, Any]:
    """Return the attributes of an event: the bridge's own, then those of the bag as far as a hundred reach."""
    found = _attributes(bag, "event", "", key_case)
    names = [name for name in sorted(found, key=str.encode) if name not in own]
    return own | {name: found[name] for name in names[: MOST_OF_EVENT - len(own)]}


def attributes_of_user(bag: dict[str, Any], key_case: Callable[[str], str], prefix: str = "") -> dict[str, Any]:
    """Return the attributes of a user; `prefix` goes before every key."""
    return _attributes(bag, "user", prefix, key_case)


def short_address(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the address of a page, without query and fragment if it is too long, None if it is too long even so."""
    if not isinstance(value, str) or len(value) <= LONGEST_TEXT:
        return value
    page = value.partition("#")[0].partition("?")[0]
    return page if len(page) <= LONGEST_TEXT else None


def _attributes(bag: dict[str, Any], owner: Owner, prefix: str, key_case: Callable[[str], str]) -> dict[str, Any]:
    leaves = [leaf._replace(name=usable_name(prefix + leaf.name, owner)) for leaf in _leaves(bag, key_case)]
    chosen = _one_of_each((leaf for leaf in leaves if leaf.name), prefix)
    sent = [leaf._replace(value=_value(leaf, owner), name=leaf.name[:LONGEST_NAME]) for leaf in chosen]
    return {leaf.name: leaf.value for leaf in _one_of_each((leaf for leaf in sent if leaf.value is not None), prefix)}


def _value(leaf: Leaf, owner: Owner) -> Any:  # noqa: ANN401 - any JSON value
    is_text = owner == "user" and leaf.name in AS_TEXT
    return sent_value(printed(leaf.value) if is_text and isinstance(leaf.value, int | float) else leaf.value)


def _leaves(value: Any, key_case: Callable[[str], str]) -> Iterator[Leaf]:  # noqa: ANN401 - any JSON value
    """Yield what is no object below a value; keys that nothing is left of are left out with all below them."""
    match value:
        case dict():
            for key, below in value.items():
                name = key_case(key)
                for leaf in _leaves(below, key_case) if name else ():
                    yield leaf._replace(path=(key, *leaf.path), name=f"{name}_{leaf.name}" if leaf.name else name)
        case list():
            yield from _parallel(value, key_case)
        case _ if value is not None:
            yield Leaf((), "", value)


def _parallel(items: list[Any], key_case: Callable[[str], str]) -> Iterator[Leaf]:
    """Yield a list for each leaf of a list, and how many objects are in it if there are any.

    The contract leaves open what is neither a list of scalars nor one of objects: scalars beside objects are lost, and
    lists in lists add to the same leaves.
    """
    object_count = sum(isinstance(item, dict) for item in items)
    if object_count:
        items = [item for item in items if isinstance(item, dict | list)]
        yield Leaf((), "count", object_count, is_count=True)
    lists: dict[tuple[object, ...], Leaf] = {}
    for item in items:
        for leaf in _leaves(item, key_case):
            values = leaf.value if isinstance(leaf.value, list) else [leaf.value]
            lists.setdefault((leaf.path, leaf.is_count), leaf._replace(value=[])).value.extend(values)
    yield from lists.values()


def _one_of_each(leaves: Iterable[Leaf], prefix: str) -> Iterator[Leaf]:
    """Yield for each name the leaf that keeps it."""
    same: dict[str, list[Leaf]] = defaultdict(list)
    for leaf in leaves:
        same[leaf.name].append(leaf)
    for rivals in same.values():
        yield min(rivals, key=lambda leaf: _rank(leaf, prefix))


def _rank(leaf: Leaf, prefix: str) -> tuple[bool, bool, bool, int, bytes]:
    """Return the place in a collision: the key spelled so, the shallower, the first by bytes.

    Empty texts come last; and so do counts, which the contract leaves open, as no key has their name.
    """
    is_spelled_so = leaf.path == (leaf.name.removeprefix(prefix),)
    return (leaf.value == "", leaf.is_count, not is_spelled_so, len(leaf.path), ".".join(leaf.path).encode())
