"""A configuration file, read: its values, where each stands, and what is already wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

from processor.config.nodes import Node, place_of, steps_present
from processor.config.problems import Path as KeyPath
from processor.config.problems import Problem, config_error, rendered
from processor.config.yaml_tree import TreeBuilder, UnreadableError
from processor.errors import ConfigError

MAX_FILE_BYTES: Final = 8_388_608

_NO_CHARACTER: Final = re.compile(r"\\U(?!0010|000)[0-9a-fA-F]{8}")


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says. Beside its `problems`, such as a key written twice, the rest can still be checked."""

    file: str
    root: Node
    problems: tuple[Problem, ...] = ()
    others: tuple[str, ...] = ()
    """Files that it names and that are read in their places, also those that cannot be read; see `inclusion`."""

    @property
    def value(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return the plain value of the whole file."""
        return self.root.value

    def located(self, path: KeyPath, text: str) -> str:
        """Return a text about a place, as errors are told; what is not in the file belongs to what would hold it."""
        present = steps_present(self.root, path)
        place = place_of(self.root, path[:present], path[present:])
        return rendered(Problem(*place.value_mark, place.path, text), self.file, self.others)


def load_document(path: Path | str) -> Document:
    """Return a YAML or JSON file as a document.

    Raises:
        ConfigError: it cannot be read, or its syntax is broken.
    """
    file = str(path)
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"{file}: too large; allowed: up to {MAX_FILE_BYTES} bytes")
    return parse_document(_decoded(content, file), file)


def parse_document(text: str, file: str) -> Document:
    """Return YAML or JSON text as a document; `file` is how errors call it.

    Raises:
        ConfigError: its syntax is broken, or it is larger or deeper than a configuration can be.
    """
    builder = TreeBuilder(YAML(typ="safe", pure=True).parse(text))
    try:
        root = builder.build()
    except MarkedYAMLError as error:
        problem = _syntax_problem(error, text)
    except ReaderError as error:
        problem = _character_problem(text, error.position)
    except UnreadableError as error:
        problem = error.problem
    except (ValueError, OverflowError):  # the reader has no words of its own for an escape of no character
        problem = _escape_problem(text)
    else:
        return Document(file, root, tuple(builder.problems))
    raise config_error(file, [*builder.problems, problem])


def _decoded(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", "replace")
        line, column = _line_and_column(before, len(before))
    raise config_error(file, [Problem(line, column, (), "this is not UTF-8", "a file in UTF-8")])


def _character_problem(text: str, position: int) -> Problem:
    line, column = _line_and_column(text, position)
    found = f"the character U+{ord(text[position]):04X} cannot stand in YAML"
    return Problem(line, column, (), found, r'an escape in double quotes, such as "\u0007"')


def _escape_problem(text: str) -> Problem:
    escape = _NO_CHARACTER.search(text)
    line, column = _line_and_column(text, 0 if escape is None else escape.start())
    return Problem(
        line, column, (), "this escape stands for no character", r"\u0000 to \uffff, \U00000000 to \U0010ffff"
    )


def _line_and_column(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


def _syntax_problem(error: MarkedYAMLError, text: str) -> Problem:
    """Return what broke the syntax, without a word of the file: the line may hold a secret."""
    mark = error.problem_mark or error.context_mark
    line, column, index = (1, 1, 0) if mark is None else (mark.line + 1, mark.column + 1, mark.index)
    reason = error.problem or "this is not YAML"
    return Problem(line, column, (), f"{reason}{_hint(reason, text[index : index + 1])}")


_HINTS: Final = (
    ("'@'", "; put keys and text that begin with '@' in quotes: \"@path\""),
    ("'\\t'", "; indent with spaces, not with tabs"),
    ("cannot start any token", "; put text that begins with this character in quotes"),
    ("mapping values are not allowed", "; put text that holds ': ' in quotes, and align keys of one mapping"),
    ("found '<scalar>'", "; text that only begins with a quoted part must be in quotes as a whole, best single ones"),
    ("unknown escape", "; put text with backslashes in single quotes"),
    ("expected ':'", "; a key and its ':' stand in one line, within 1024 characters"),
)
"""What people trip over most, by the parser's own words."""


def _hint(reason: str, character: str) -> str:
    """Return the advice for a fault, empty where the parser's words say enough."""
    words = f"{reason} '@'" if character == "@" else reason
    return next((hint for sign, hint in _HINTS if sign in words), "")
