"""One thing that is wrong in a configuration file, and how a person reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from processor.errors import ConfigError

Path = tuple[str | int, ...]
"""Keys and list positions from the root of the file to a value."""

_PLAIN_KEY: Final = re.compile(r"[\w-]+", re.ASCII)
LINES_PER_FILE: Final = 10_000_000
"""More than a file of the largest size can have: lines from here on are those of the files that a file names."""
_NEAR: Final = 0.6
"""How alike two keys must be for one to be taken for the other; difflib's own measure of a close match."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What was found at one place, what is allowed there, and the nearest valid word where one is near."""

    line: int
    column: int
    path: Path
    found: str
    allowed: str = ""
    nearest: str | None = None

    def render(self, file: str) -> str:
        """Return `file:line:column: key.path: found; allowed: …; did you mean 'x'?`, empty parts left out."""
        where = f"{file}:{self.line}:{self.column}"
        key = path_text(self.path)
        allowed = f"allowed: {self.allowed}" if self.allowed else ""
        hint = "" if self.nearest is None else f"did you mean {self.nearest!r}?"
        what = "; ".join(part for part in (self.found, allowed, hint) if part)
        return f"{where}: {key}: {what}" if key else f"{where}: {what}"


def rendered(problem: Problem, file: str, others: Sequence[str] = ()) -> str:
    """Return a problem as a person reads it, where it is in the file or in one of the others that it names."""
    index, line = divmod(problem.line, LINES_PER_FILE)
    return replace(problem, line=line).render((file, *others)[index])


def config_error(file: str, problems: Iterable[Problem], others: Sequence[str] = ()) -> ConfigError:
    """Return one error for all problems of a file and of those that it names, by lines, each said once."""
    ordered = sorted(set(problems), key=lambda problem: (problem.line, problem.column, path_text(problem.path)))
    return ConfigError("\n".join(rendered(problem, file, others) for problem in ordered), problems=ordered)


def path_text(path: Path) -> str:
    """Return a path as one writes it: `destinations.crm.subscriptions[0].trigger`, odd keys in brackets and quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return text


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """Return the valid word that `word` was most likely meant to be, None when none is near."""
    folded = {_folded(name): name for name in valid}
    close = get_close_matches(_folded(word), list(folded), n=1, cutoff=_NEAR)
    return folded[close[0]] if close else None


def listed(names: Iterable[str]) -> str:
    """Return words as a list that a person reads."""
    return ", ".join(names)


def _folded(word: str) -> str:
    """Return a word without what people vary: case, hyphens and underscores."""
    return word.casefold().replace("-", "").replace("_", "")
