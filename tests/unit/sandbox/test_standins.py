"""The stand-ins over HTTP: every fault really happens, the record is right, and they can be stopped and started."""

from __future__ import annotations

import email.utils
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from processor.sandbox.faults import Drop, Fault, Latency, Refuse, SlowBody, Status, Throttle
from processor.sandbox.ledger import read_lines
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.standins import StandIns
from tests.standin_requests import Ask, moengage, moesif, moesif_action, moesif_request, moesif_user, moveo, moveo_event

_ASKS = {
    "moveo": moveo(),
    "moesif": moesif("users", moesif_user()),
    "moengage": moengage(),
}


@pytest.fixture(scope="module")
def running() -> Iterator[StandIns]:
    """Stand-ins for all tests here."""
    with StandIns() as vendors:
        yield vendors


@pytest.fixture
def vendors(running: StandIns) -> StandIns:
    """The running stand-ins, with nothing recorded and nothing wrong."""
    running.reset()
    return running


@pytest.fixture
def client(vendors: StandIns) -> Iterator[httpx.Client]:
    """A client whose base address is that of the stand-ins."""
    with httpx.Client(base_url=vendors.url, timeout=10) as made:
        yield made


def _send(client: httpx.Client, ask: Ask) -> httpx.Response:
    return client.request(ask.method, ask.path, content=ask.content, headers=ask.all_headers, params=ask.query)


@pytest.mark.parametrize("ask", _ASKS.values(), ids=_ASKS)
def test_a_good_request_is_answered_and_recorded(vendors: StandIns, client: httpx.Client, ask: Ask) -> None:
    """The answer is the vendor's, and one line says what was taken in and when."""
    before_ns = time.monotonic_ns()
    answer = _send(client, ask)
    assert answer.status_code == {"moesif": 201}.get(ask.vendor, 200)
    assert answer.headers["content-type"] == "application/json"
    (line,) = vendors.lines(ask.vendor)
    assert (line.result, line.answer, line.status) == ("accepted", "sent", answer.status_code)
    assert before_ns <= line.at_ns <= time.monotonic_ns()
    assert vendors.item_count(ask.vendor) == 1


@pytest.mark.parametrize("ask", _ASKS.values(), ids=_ASKS)
def test_a_failing_vendor_answers_in_its_own_words(vendors: StandIns, client: httpx.Client, ask: Ask) -> None:
    """The status is that of the fault, the body JSON, and nothing is accepted."""
    vendors.set_faults(Status(status=503, vendor=ask.vendor))
    answer = _send(client, ask)
    assert answer.status_code == 503
    assert answer.json()
    (line,) = vendors.lines()
    assert (line.result, line.status, line.reason) == ("refused", 503, "fault_status")
    assert list(vendors.happened()) == [f"{ask.vendor}/{line.endpoint}/status_503"]


def test_the_word_of_a_moengage_error_can_be_chosen(vendors: StandIns, client: httpx.Client) -> None:
    """Which 403 it is decides how long the sender stops."""
    vendors.set_faults(Status(status=403, error_type="Account Temporarily Suspended"))
    assert _send(client, moengage()).json()["error"]["type"] == "Account Temporarily Suspended"
    vendors.set_faults(Status(status=403))
    assert _send(client, moengage()).json()["error"]["type"] == "Account Suspended"


@pytest.mark.parametrize(
    ("form", "header"),
    [("seconds", "retry-after"), ("date", "retry-after"), ("reset", "x-ratelimit-reset"), ("none", None)],
)
def test_a_throttling_vendor_names_a_time(
    vendors: StandIns,
    client: httpx.Client,
    form: Any,  # noqa: ANN401 - a literal
    header: str | None,
) -> None:
    """The pause is said as seconds, as a date, in MoEngage's header, or not at all."""
    vendors.set_faults(Throttle(retry_after_s=30, form=form))
    answer = _send(client, moengage())
    assert answer.status_code == 429
    told = {name: answer.headers[name] for name in ("retry-after", "x-ratelimit-reset") if name in answer.headers}
    assert list(told) == ([] if header is None else [header])
    if form == "date":
        assert 25 <= email.utils.parsedate_to_datetime(told["retry-after"]).timestamp() - time.time() <= 31
    elif header is not None:
        assert told[header] == "30"


def test_latency_delays_the_answer(vendors: StandIns, client: httpx.Client) -> None:
    """The wait really passes, before acceptance or after it."""
    for when in ("before", "after"):
        vendors.set_faults(Latency(ms=80, when=when))
        started_s = time.monotonic()
        assert _send(client, moveo()).status_code == 200
        assert time.monotonic() - started_s >= 0.08
    assert vendors.happened() == {"moveo/events/latency": 2}


@pytest.mark.parametrize(
    ("when", "recorded"),
    [("before", ("dropped", "sent")), ("after", ("accepted", "lost")), ("during", ("accepted", "lost"))],
)
def test_a_cut_connection_is_a_failure_to_the_sender(
    vendors: StandIns,
    client: httpx.Client,
    when: Any,  # noqa: ANN401 - a literal
    recorded: tuple[str, str],
) -> None:
    """The sender sees no answer; the record knows whether the items were taken in."""
    vendors.set_faults(Drop(when=when, count=1))
    with pytest.raises(httpx.TransportError):
        _send(client, moveo())
    (line,) = vendors.lines()
    assert (line.result, line.answer) == recorded
    assert vendors.happened() == {f"moveo/events/drop_{when}": 1}
    assert _send(client, moveo()).status_code == 200


def test_a_slow_body_arrives_whole_and_late(vendors: StandIns, client: httpx.Client) -> None:
    """The status comes first, the last byte after the time that the fault names."""
    vendors.set_faults(SlowBody(ms=150, padding_bytes=5_000))
    with client.stream("POST", moveo().path, content=moveo().content, headers=moveo().all_headers) as answer:
        head_s = time.monotonic()
        body = answer.read()
    assert time.monotonic() - head_s >= 0.1
    assert len(body) > 5_000
    assert json.loads(body) == {"accepted": 1}


@pytest.mark.parametrize("status", [400, 500])
def test_a_chosen_item_has_its_request_refused(vendors: StandIns, client: httpx.Client, status: int) -> None:
    """The neighbours of a chosen item are refused with it, and pass without it."""
    vendors.set_faults(Refuse(ids=frozenset({"m-2"}), status=status))
    good, bad = moveo_event(), moveo_event(messageId="m-2")
    assert _send(client, moveo(good, bad)).status_code == status
    assert _send(client, moveo(bad)).status_code == status
    assert _send(client, moveo(good)).status_code == 200
    assert [(line.result, line.count, line.guilty) for line in vendors.lines()] == [
        ("refused", 2, "m-2"),
        ("refused", 1, "m-2"),
        ("accepted", 1, None),
    ]
    assert vendors.happened() == {f"moveo/events/refuse_{status}": 2}


def test_vendors_fail_apart(vendors: StandIns, client: httpx.Client) -> None:
    """One vendor's outage is not another's."""
    vendors.set_faults(Status(vendor="moesif"))
    assert [_send(client, ask).status_code for ask in _ASKS.values()] == [200, 500, 200]


def test_order_is_the_order_of_acceptance(vendors: StandIns) -> None:
    """Requests of several connections are recorded one after the other, and a user's items in the order sent."""
    clients = [httpx.Client(base_url=vendors.url) for _ in range(4)]
    for number in range(40):
        event = moveo_event(messageId=f"m-{number}", userId=f"u-{number % 3}", properties={"seq": number})
        assert _send(clients[number % 4], moveo(event, compressed=number % 2 == 0)).status_code == 200
    for each in clients:
        each.close()
    lines = vendors.lines("moveo", "accepted")
    assert [line.seq for line in lines] == list(range(40))
    assert [line.order for line in lines] == sorted(line.order for line in lines)


def test_a_large_body_passes(client: httpx.Client) -> None:
    """Batches far above a web server's usual limit reach the check that is about them."""
    actions = [moesif_action(metadata={"note": "x" * 900_000}, request=moesif_request(time=...))] * 5
    assert _send(client, moesif("actions", *actions)).status_code == 201
    assert _send(client, moesif("actions", *actions * 4)).status_code == 413


def test_unknown_paths_are_not_found(client: httpx.Client) -> None:
    """A wrong address is answered as one."""
    assert client.post("/v1/events", content=b"{}").status_code == 404


def test_the_admin_route_shows_and_changes_faults(vendors: StandIns, client: httpx.Client) -> None:
    """Faults can be read, replaced and removed while everything runs; a wrong list changes nothing."""
    put = client.put("/_sandbox/faults", json=[{"kind": "status", "status": 502, "vendor": "moveo"}])
    assert put.status_code == 200
    assert _send(client, moveo()).status_code == 502
    shown = client.get("/_sandbox/faults").json()
    assert [(row["kind"], row["status"], row["hit_count"]) for row in shown["faults"]] == [("status", 502, 1)]
    assert shown["happened"] == {"moveo/events/status_502": 1}
    wrong = client.put("/_sandbox/faults", json=[{"kind": "fire"}])
    assert (wrong.status_code, wrong.json()["error"]) == (400, "faults")
    assert _send(client, moveo()).status_code == 502
    assert client.delete("/_sandbox/faults").json()["faults"] == []
    assert _send(client, moveo()).status_code == 200
    assert vendors.happened() == {"moveo/events/status_502": 2}


def test_the_admin_route_shows_the_record(client: httpx.Client) -> None:
    """Lines can be read on from an order, of one vendor or result, and counts at once."""
    for ask in _ASKS.values():
        _send(client, ask)
    _send(client, moveo(headers={"Authorization": "x"}))

    def lines(**query: str) -> list[tuple[str, str]]:
        text = client.get("/_sandbox/records", params=query).text
        return [(line["vendor"], line["result"]) for line in map(json.loads, text.splitlines())]

    everything = [*((name, "accepted") for name in _ASKS), ("moveo", "refused")]
    assert lines() == everything
    assert lines(vendor="moesif") == [("moesif", "accepted")]
    assert lines(result="refused") == [("moveo", "refused")]
    assert lines(limit="2") == everything[:2]
    last = client.get("/_sandbox/counts").json()["last_order"]
    assert lines(after=str(last - 1)) == everything[-1:]
    assert client.get("/_sandbox/records", params={"after": "x"}).status_code == 400
    assert client.get("/_sandbox/counts").json()["requests"] == {
        "moveo/events/200": 1,
        "moesif/users/201": 1,
        "moengage/bulk/200": 1,
        "moveo/events/401": 1,
    }


def test_the_admin_route_resets(vendors: StandIns, client: httpx.Client) -> None:
    """Record, counts, faults and known users are gone."""
    vendors.set_faults(Status(vendor="moveo"))
    _send(client, moveo())
    _send(client, moengage())
    assert client.post("/_sandbox/reset").status_code == 200
    assert (vendors.lines(), vendors.happened(), vendors.counts()["requests"]) == ([], {}, {})
    assert _send(client, moveo()).status_code == 200
    delete = Ask(
        "moengage",
        "/v1/customer/delete",
        {"identity_type": "customer_id", "identity_value": "cust-4711"},
        query={"app_id": vendors.settings.keys.moengage_workspace_id},
    )
    assert _send(client, delete).json()["error"]["type"] == "Not Found"


@pytest.mark.parametrize(("method", "path", "status"), [("PATCH", "faults", 405), ("GET", "nothing", 404)])
def test_the_admin_route_refuses_the_rest(client: httpx.Client, method: str, path: str, status: int) -> None:
    """Other methods and other names are answered as such."""
    assert client.request(method, f"/_sandbox/{path}").status_code == status


def test_a_stopped_vendor_can_be_started_again_where_it_was() -> None:
    """While it is down nobody answers; afterwards the address and the record are the same."""
    vendors = StandIns()
    with vendors:
        url = vendors.url
        with httpx.Client(base_url=url) as client:
            assert _send(client, moveo()).status_code == 200
            vendors.stop()
            vendors.stop()
            with pytest.raises(httpx.TransportError):
                _send(client, moveo())
            vendors.start()
            assert vendors.url == url
            assert _send(client, moveo()).status_code == 200
        assert vendors.item_count("moveo") == 2


def test_an_address_that_is_taken_is_an_error() -> None:
    """The caller hears of it, and may try another one."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        vendors = StandIns(port=taken.getsockname()[1])
        with pytest.raises(OSError, match="address already in use"):
            vendors.start()
    with vendors:
        assert httpx.get(f"{vendors.url}/_sandbox/counts").status_code == 200


def test_faults_of_the_settings_are_in_force_from_the_start() -> None:
    """Flags of the command line work like the admin route."""
    faults: tuple[Fault, ...] = (Status(status=500, count=1),)
    with StandIns(SandboxSettings(faults=faults)) as vendors, httpx.Client(base_url=vendors.url) as client:
        assert [_send(client, moveo()).status_code for _ in range(2)] == [500, 200]


_SERVE = """
import sys
from pathlib import Path
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.standins import serve
serve("127.0.0.1", 0, SandboxSettings(record=Path(sys.argv[1])), on_ready=lambda url: print(url, flush=True))
"""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_process_of_their_own_records_what_it_answered(tmp_path: Path, end: signal.Signals) -> None:
    """In the foreground they end by signal; whatever ends them, every answered item is in the file."""
    path = tmp_path / "record.ndjson"
    command = [sys.executable, "-c", _SERVE, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}) as process:
        assert process.stdout is not None
        with httpx.Client(base_url=process.stdout.readline().strip()) as client:
            answered = [_send(client, moveo(moveo_event(messageId=f"m-{number}"))).status_code for number in range(20)]
        process.send_signal(end)
        process.wait(timeout=20)
    assert answered == [200] * 20
    assert process.returncode == (-signal.SIGKILL if end is signal.SIGKILL else 0)
    assert [line.id for line in read_lines(path)] == [f"m-{number}" for number in range(20)]
