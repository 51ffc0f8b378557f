"""Reads expressions into closures: values, paths, ranges, operators, filters.

LiquidJS reads leniently, and templates rely on it: what stands behind a comma or a closing parenthesis is ignored, of
two values without an operator the first counts, `and` and `or` bind alike and to the right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from processor.mapping.liquid.budget import refuse
from processor.mapping.liquid.comparisons import OPERATORS
from processor.mapping.liquid.context import Context, Evaluate
from processor.mapping.liquid.filters import DISABLED, FILTERS, UNSTABLE, Filter
from processor.mapping.liquid.operands import Literal, read_value
from processor.mapping.liquid.reader import Reader
from processor.mapping.liquid.values import Value, is_untrue
from processor.mapping.values import ABSENT

_NOT: Final = "not"
_PRECEDENCE: Final = {**dict.fromkeys(OPERATORS, 2), _NOT: 1, "and": 0, "or": 0}
_OPERATORS: Final = tuple(sorted(_PRECEDENCE, key=len, reverse=True))


@dataclass(slots=True)
class Findings:
    """What reading a template found out beside the template itself."""

    problems: list[str] = field(default_factory=list)
    """What fails whenever it is reached; an event that does not reach it renders."""
    writes: bool = False
    """Whether the template writes into its root."""


def read_filtered(reader: Reader, findings: Findings) -> Evaluate:
    """Return the expression that comes, with its filters.

    Raises:
        MappingError: there is no value, or what follows is no filter.
    """
    evaluate = _read_expression(reader)
    if evaluate is None:
        raise refuse("has an expression without a value")
    while (applied := _read_filter(reader, evaluate, findings)) is not None:
        evaluate = applied
    return evaluate


def _read_expression(reader: Reader) -> Evaluate | None:
    """Return the values and operators that come, None when there are none."""
    output: list[Evaluate | str] = []
    waiting: list[str] = []
    while True:
        operator = reader.word_among(_OPERATORS)
        if operator is not None:
            while waiting and _PRECEDENCE[waiting[-1]] > _PRECEDENCE[operator]:
                output.append(waiting.pop())
            waiting.append(operator)
            continue
        operand = read_value(reader)
        if operand is None:
            break
        output.append(operand)
    output.extend(reversed(waiting))
    if len(output) == 1 and not isinstance(output[0], str):
        return output[0]
    return _calculation(tuple(output)) if output else None


def _calculation(postfix: tuple[Evaluate | str, ...]) -> Evaluate:
    """Return what works off values and operators, operands before their operator."""

    def calculate(context: Context) -> Value:
        operands: list[Value] = []
        for step in postfix:
            if not isinstance(step, str):
                operands.append(step(context))
                continue
            right = operands.pop() if operands else ABSENT
            if step == _NOT:
                operands.append(is_untrue(right))
            else:
                left = operands.pop() if operands else ABSENT
                operands.append(OPERATORS[step](left, right, context.budget))
        return operands[0]

    return calculate


def _read_filter(reader: Reader, value: Evaluate, findings: Findings) -> Evaluate | None:
    """Return the value with the filter that comes applied, None when the filters are over."""
    reader.skip_blanks()
    if reader.peek() in ("", ")", ","):
        return None
    if reader.peek() != "|":
        raise refuse("has something behind a value that is no filter")
    reader.position += 1
    name = reader.identifier()
    if not name:
        if reader.is_at_end():
            return None
        raise refuse("has a filter without a name")
    reader.skip_blanks()
    if reader.peek() not in ("", ":", "|", ")", ","):
        raise refuse(f"needs a colon behind the filter {name}")
    arguments = _read_arguments(reader) if reader.peek() == ":" else ()
    return _applied(name, value, arguments, findings)


def _read_arguments(reader: Reader) -> tuple[Evaluate, ...]:
    """Return the arguments that come."""
    arguments: list[Evaluate] = []
    while reader.peek() in (":", ","):
        reader.position += 1
        argument = _read_argument(reader)
        if argument is not None:
            arguments.append(argument)
        reader.skip_blanks()
        if reader.peek() not in ("", ",", "|", ")"):
            raise refuse("has something unexpected behind a filter's argument")
    return tuple(arguments)


def _read_argument(reader: Reader) -> Evaluate | None:
    """Return the argument that comes, None when none does; one with a key is a list of key and value."""
    reader.skip_blanks()
    start = reader.position
    argument = read_value(reader)
    if argument is None:
        return None
    key = reader.text[start : reader.position]
    reader.skip_blanks()
    if reader.peek() != ":":
        return argument
    reader.position += 1
    value = read_value(reader) or Literal(ABSENT)
    return lambda context: [key, value(context)]


def _applied(name: str, value: Evaluate, arguments: tuple[Evaluate, ...], findings: Findings) -> Evaluate:
    """Return a value with a filter applied; an unknown filter changes nothing."""
    wanted = FILTERS.get(name)
    problem = _problem(name, wanted, value, len(arguments))
    if problem is not None:
        findings.problems.append(problem)
        return _failing(problem, (value, *arguments))
    call = _unchanged if wanted is None else wanted.call
    most = len(arguments) if wanted is None else wanted.most_arguments

    def apply(context: Context) -> Value:
        found = value(context)
        given = [argument(context) for argument in arguments]
        return call(context, found, *given[:most])

    return apply


def _problem(name: str, wanted: Filter | None, value: Evaluate, count: int) -> str | None:
    """Return why a filter fails whenever it is reached, None when it may not."""
    if name in DISABLED:
        return f"uses the filter {name}, which Segment switches off"
    if name in UNSTABLE:
        return f"uses the filter {name}, whose result is by chance: the same record has to map to the same payload"
    if wanted is None:
        return None
    if wanted.exact_arguments not in (None, count):
        return f"uses the filter {name} without its one argument"
    if isinstance(value, Literal) and isinstance(value.value, str):
        return wanted.refused_texts.get(value.value)
    return None


def _failing(problem: str, operands: tuple[Evaluate, ...]) -> Evaluate:
    """Return what fails once its operands are known."""

    def fail(context: Context) -> Value:
        for operand in operands:
            operand(context)
        raise refuse(problem)

    return fail


def _unchanged(_context: Context, value: Value, *_arguments: Any) -> Value:  # noqa: ANN401 - any value of Liquid
    """Return the value as it is: what an unknown filter does."""
    return value
