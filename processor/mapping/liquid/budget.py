"""What one rendering may cost.

Segment stops a template after half a second or a hundred megabytes. A clock gives another answer each time, so what is
counted here is the work itself: characters that are read or written, and items of lists. An event cannot make a
template cost more than the budget, whatever it holds, and the same event always ends the same way.
"""

from __future__ import annotations

import math
from typing import Final

from processor.errors import MappingError

MAX_STEPS: Final = 2_000_000
"""Steps of one rendering: one for each character that a filter or a comparison touches, more for a list's item.
A text as long as the largest event that Segment takes passes dozens of filters."""

ITEM_STEPS: Final = 20
"""What an item of a list costs, for each is handled by itself."""

MAX_OUTPUT_CHARS: Final = 1_000_000
"""Characters that one rendering prints, captured ones included."""


def refuse(message: str) -> MappingError:
    """Return the error for a template that cannot be rendered; the message holds no value of the event."""
    return MappingError(message, safe=message)


class Budget:
    """Counts down while a template renders."""

    __slots__ = ("output_chars_left", "steps_left")

    def __init__(self) -> None:
        """Start with the whole budget."""
        self.steps_left = MAX_STEPS
        self.output_chars_left = MAX_OUTPUT_CHARS

    def spend(self, steps: float) -> None:
        """Take steps off the budget; fewer than none counts as none, NaN too.

        Raises:
            MappingError: more than `MAX_STEPS` were spent.
        """
        if steps > self.steps_left:
            raise refuse(f"takes more than {MAX_STEPS} steps for this event")
        if steps > 0:
            self.steps_left -= math.ceil(steps)

    def spend_items(self, count: float) -> None:
        """Take the steps for so many items off the budget; raises what `spend` raises."""
        self.spend(count * ITEM_STEPS)

    def print(self, char_count: int) -> None:
        """Take printed characters off the budget.

        Raises:
            MappingError: more than `MAX_OUTPUT_CHARS` were printed.
        """
        self.output_chars_left -= char_count
        if self.output_chars_left < 0:
            raise refuse(f"prints more than {MAX_OUTPUT_CHARS} characters for this event")
