"""The summary at the end: a table that adds up, and the number that matters as the last line."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from processor.demo.books import Books

COLUMNS = ("destination", "produced", "delivered", "skipped", "dead-lettered", "payloads", "at vendor")
"""The first number of a row is the sum of the next three; the last is the vendor's own count of the one before it."""


def print_summary(console: Console, books: Books, took_s: float) -> None:
    """Write what became of every event, from the bridge's counts and the vendors' own; ends with `lost: N`.

    Fits 80 columns, so that it is whole in a log as well.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "destination" else "right", no_wrap=True)
    for account in books.accounts:
        now = account.reading
        counts = (account.produced, now.delivered, now.skipped, now.dead_lettered, now.payloads_delivered)
        table.add_row(account.destination, *(f"{count:,}" for count in (*counts, account.accepted_items)))
    console.print(table)
    _say(console, f"sent again because an answer was lost: {sum(each.repeated_items for each in books.accounts):,}")
    written = sum(account.reading.dead_lettered for account in books.accounts)
    _say(console, f"dead-letter topic: {books.dead_letters:,} of {written:,} letters")
    _say(console, f"ended otherwise than expected: {books.unexpected:,}")
    _say(console, f"took {took_s:.1f} s")
    _say(console, f"lost: {books.lost}")


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True)
