"""Options of `lag` and `where` that are judged before anybody is asked."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

import pytest

from processor.cli import lag
from processor.cli.durations import parsed_s
from processor.cli.main import main
from processor.errors import BrokerError
from processor.source.deadline import Deadline

FILE = """\
kafka: {bootstrap_servers: '127.0.0.1:1', topics: [events], properties: {sasl.password: {env: NOT_SET_ANYWHERE}}}
destinations: {one: {type: moesif, start: latest, settings: {application_id: {env: NOT_SET_EITHER}}}}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90),
        ("15m", 900),
        ("2h", 7_200),
        ("1d", 86_400),
        ("1w", 604_800),
        ("1h30m", 5_400),
        ("0.5s", 0.5),
        ("0s", 0),
        ("", None),
        ("5", None),
        ("5 m", None),
        ("m5", None),
        ("-5m", None),
        ("5m!", None),
        ("1e3s", None),
    ],
)
def test_lengths_of_time(text: str, expected: float | None) -> None:
    """Numbers with a unit each; a bare number could be anything."""
    assert expected == parsed_s(text)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("lag", "--max-age", "5"), 2, "'5' is not a length of time such as 90s, 15m, 2h, 1d or 1h30m"),
        (("lag", "two"), 2, "no destination is called 'two'"),
        (("lag",), 2, "NOT_SET_ANYWHERE"),
        (("where", "--message-id", "m", "--since", "latest"), 2, "nothing would be looked through"),
        (("where", "--message-id", "m", "--since", "yesterday"), 2, "or a length of time such as 90s, 15m, 2h or 1d"),
        (("where", "--message-id", "m", "--topic", "a b"), 2, "'a b' can be no topic"),
        (("where", "--message-id", " "), 2, "an empty id is no event's"),
        (("where", "--message-id", "m", "--since", "9999999w"), 2, "NOT_SET_ANYWHERE"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    arguments: tuple[str, ...], code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before a connection; of secrets only Kafka's is missed."""
    file = tmp_path / "bridge.yaml"
    file.write_text(FILE)
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--config", str(file)])
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert (code, says in said, "NOT_SET_EITHER" in said) == (ended.value.code, True, False)


class _Swallowing:
    """A reading in whose look an interrupt comes to nothing, as in a callback of the client."""

    def look(self, _deadline: Deadline) -> None:
        """Be interrupted, and go on."""
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise BrokerError("no answer", code="_TIMED_OUT", fatal=False)

    def close(self) -> None:
        """Nothing is open."""


def test_an_interrupt_during_a_callback_ends_watching_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python prints what such a callback raises, and forgets it."""
    file = tmp_path / "bridge.yaml"
    file.write_text(FILE)
    monkeypatch.setattr(lag, "_reading", lambda *_: _Swallowing())
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as ended:
        main(["lag", "--watch", "--config", str(file)])
    assert ended.value.code == 130
    assert signal.getsignal(signal.SIGINT) is before
