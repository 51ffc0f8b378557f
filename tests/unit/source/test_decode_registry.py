"""Schemas from a registry: what is cached, what is the record's fault, and what is the way's."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fastavro
import pytest
import trustme

from processor.errors import TransientError
from processor.model import Record, Rejected
from processor.source.decode import Decoder, SchemaNeeded
from processor.source.decode_settings import DecodeSettings

EVENT = {"type": "record", "name": "Event", "fields": [{"name": "type", "type": "string"}]}
NOT_FOUND = (404, {"error_code": 40403, "message": "Schema not found"})


class FakeRegistry(ThreadingHTTPServer):
    """A registry that answers by path as it was told, 404 with the registry's own code otherwise."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Answering)
        self.answers: dict[str, tuple[int, Any]] = {}
        self.paths: list[str] = []
        self.authorizations: list[str | None] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        """Return the address that clients are given."""
        return f"http://127.0.0.1:{self.server_port}/api"

    def holds(
        self, schema_id: int, schema: object, schema_type: str = "AVRO", references: Sequence[object] = ()
    ) -> None:
        """This id names this schema from now on."""
        body = {"schema": json.dumps(schema), "schemaType": schema_type, "references": [*references]}
        self.answers[f"/api/schemas/ids/{schema_id}"] = (200, body)

    def holds_version(self, subject: str, version: int, schema: object, references: Sequence[object] = ()) -> None:
        """This version of a subject is this schema from now on."""
        body = {"subject": subject, "version": version, "id": 1, "schema": json.dumps(schema)}
        body |= {"schemaType": "AVRO", "references": [*references]}
        self.answers[f"/api/subjects/{subject}/versions/{version}"] = (200, body)


class _Answering(BaseHTTPRequestHandler):
    server: FakeRegistry

    def do_GET(self) -> None:
        """Answer as told; status 0 is no answer at all."""
        path = self.path.split("?")[0]
        self.server.paths.append(path)
        self.server.authorizations.append(self.headers.get("Authorization"))
        status, body = self.server.answers.get(path, NOT_FOUND)
        if status == 0:
            self.server.released.wait(10)
            return
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Location", f"{self.server.url}/elsewhere")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server uses
        """Tests read `paths`."""


class Clock:
    """A clock that stands still until it is moved."""

    now_s = 1000.0

    def __call__(self) -> float:
        """Return the time at which it stands."""
        return self.now_s


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    """A registry on loopback that holds nothing yet."""
    with FakeRegistry() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def _decoder(url: str, clock: Clock | None = None, **registry: Any) -> Decoder:  # noqa: ANN401 - settings
    settings = DecodeSettings.model_validate(
        {"format": "avro", "avro": {"registry": {"url": url, **registry}}}, context={"plain_secrets": True}
    )
    return Decoder(settings, clock=Clock() if clock is None else clock)


def _record(schema_id: int, schema: Any = EVENT, datum: object = None) -> Record:  # noqa: ANN401 - any schema
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), {"type": "track"} if datum is None else datum)
    return Record("t", 0, 0, 0, value=b"\0" + schema_id.to_bytes(4) + stream.getvalue())


async def _decoded(decoder: Decoder, record: Record) -> Any:  # noqa: ANN401 - any outcome
    """Decode as the pipeline does: fetch what is needed, then decode again."""
    try:
        return decoder.decode(record)
    except SchemaNeeded as needed:
        await decoder.fetch(needed.schema_id)
        return decoder.decode(record)


async def test_a_schema_is_fetched_once(server: FakeRegistry) -> None:
    """The first record of an id asks the registry, all others decode at once."""
    server.holds(7, EVENT)
    decoder = _decoder(server.url)
    with pytest.raises(SchemaNeeded) as needed:
        decoder.decode(_record(7))
    assert needed.value.schema_id == 7
    await decoder.fetch(7)
    for _ in range(3):
        assert decoder.decode(_record(7)) == [(_record(7), {"type": "track"})]
    assert server.paths == ["/api/schemas/ids/7"]


async def test_an_unknown_id_is_a_dead_letter_and_is_asked_for_again_later(server: FakeRegistry) -> None:
    """A registry that does not know the id costs one request a while, and a late registration is noticed."""
    clock = Clock()
    decoder = _decoder(server.url, clock, unknown_schema_s=60)
    refused = Rejected("unknown_schema", "the schema registry does not know schema 7")
    assert await _decoded(decoder, _record(7)) == refused
    server.holds(7, EVENT)
    clock.now_s += 59.9
    assert await _decoded(decoder, _record(7)) == refused
    clock.now_s += 0.1
    assert await _decoded(decoder, _record(7)) == [(_record(7), {"type": "track"})]
    assert len(server.paths) == 2


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, {"error_code": 40101}, "refused access with status 401: check its credentials"),
        (403, b"no", "refused access with status 403: check its credentials"),
        (404, b"", "answered with status 404: check its address"),
        (404, {"error_code": 404}, "answered with status 404: check its address"),
        (302, b"", "answered with status 302: check its address"),
        (500, {"error_code": 50001}, "answered with status 500: check its address"),
        (200, b"<html>", "could not be asked: JSONDecodeError"),
        (200, b"[]", "could not be asked: TypeError"),
        (200, b"{}", "gave no schema: check its address"),
        (200, {"schema": ""}, "gave no schema: check its address"),
        (200, {"schema": 5}, "gave no schema: check its address"),
        (0, b"", "could not be asked: ReadTimeout"),
    ],
)
async def test_a_registry_that_gives_no_answer_is_not_the_records_fault(
    server: FakeRegistry, status: int, body: object, message: str
) -> None:
    """Whatever is not a clear "no such schema" holds the destination: the record is asked for again, never refused."""
    server.answers["/api/schemas/ids/7"] = (status, body)
    decoder = _decoder(server.url, request_timeout_s=0.2)
    with pytest.raises(TransientError) as caught:
        await decoder.fetch(7)
    assert caught.value.safe == f"the schema registry {message}"
    with pytest.raises(SchemaNeeded):
        decoder.decode(_record(7))
    server.holds(7, EVENT)
    assert await _decoded(decoder, _record(7)) == [(_record(7), {"type": "track"})]


async def test_nobody_there_is_a_matter_of_the_way(server: FakeRegistry) -> None:
    """A port that nobody listens on is an outage."""
    server.server_close()
    with pytest.raises(TransientError, match=r"could not be asked: ConnectError \(Connection refused\)"):
        await _decoder(server.url).fetch(7)


async def test_the_whole_fetch_has_a_limit(server: FakeRegistry) -> None:
    """The total time counts, however patient each step is."""
    server.answers["/api/schemas/ids/7"] = (0, b"")
    with pytest.raises(TransientError, match="did not answer in time"):
        await _decoder(server.url, request_timeout_s=5, fetch_timeout_s=0.05).fetch(7)
    server.released.set()


@pytest.mark.parametrize(
    ("schema", "schema_type", "message"),
    [
        ({}, "PROTOBUF", "schema 7 is of type PROTOBUF, not Avro"),
        ({"type": "nonsense"}, "AVRO", "what the registry holds as schema 7 is no Avro schema: UnknownType"),
    ],
)
async def test_a_schema_of_another_kind_is_a_dead_letter(
    server: FakeRegistry, schema: object, schema_type: str, message: str
) -> None:
    """An id that names something else than an Avro schema cannot be read, and is said so."""
    server.holds(7, schema, schema_type)
    assert await _decoded(_decoder(server.url), _record(7)) == Rejected("unknown_schema", message)


async def test_references_are_fetched_with_what_they_need(server: FakeRegistry) -> None:
    """A schema that builds on two others, both on a third, is complete, and the third is asked for once."""
    name = {"type": "record", "name": "a.Name", "fields": [{"name": "v", "type": "string"}]}
    city = {"type": "record", "name": "a.City", "fields": [{"name": "name", "type": "a.Name"}]}
    user = {"type": "record", "name": "a.User", "fields": [{"name": "name", "type": "a.Name"}]}
    event = {
        "type": "record",
        "name": "a.Event",
        "fields": [{"name": "city", "type": "a.City"}, {"name": "user", "type": "a.User"}],
    }
    to_name = [{"name": "a.Name", "subject": "name", "version": 3}]
    server.holds_version("name", 3, name)
    server.holds_version("city", 1, city, to_name)
    server.holds_version("user", 2, user, to_name)
    server.holds(7, event, references=[_reference("a.City", "city", 1), _reference("a.User", "user", 2)])
    record = Record("t", 0, 0, 0, value=b"\0\0\0\0\7\x04SF\x04Jo")
    [(_, decoded)] = await _decoded(_decoder(server.url), record)
    assert decoded == {"city": {"name": {"v": "SF"}}, "user": {"name": {"v": "Jo"}}}
    assert server.paths.count("/api/subjects/name/versions/3") == 1


async def test_references_without_end_end_with_the_time_for_them(server: FakeRegistry) -> None:
    """A registry whose schemas always name another one is asked no further when nobody waits any more."""
    clock = Clock()

    class Endless(dict[str, tuple[int, Any]]):
        """Answers whose schemas each build on the next; ten seconds pass with every one."""

        def get(self, path: str, _default: object = None) -> tuple[int, Any]:
            clock.now_s += 10
            body = {"subject": path, "version": 1, "id": 1, "schema": '"int"', "schemaType": "AVRO"}
            return 200, body | {"references": [_reference("n", f"s{clock.now_s}", 1)]}

    server.answers = Endless()
    with pytest.raises(TransientError, match="could not be asked: TimeoutError"):
        await _decoder(server.url, clock, fetch_timeout_s=20).fetch(7)
    assert len(server.paths) == 3


def _reference(name: str, subject: str, version: int) -> dict[str, object]:
    return {"name": name, "subject": subject, "version": version}


async def test_memory_for_schemas_is_bounded(server: FakeRegistry) -> None:
    """Beyond the limit the schema fetched first makes room, and is fetched again when needed."""
    for schema_id in (1, 2, 3):
        server.holds(schema_id, EVENT)
    decoder = _decoder(server.url, max_schema_count=2)
    for schema_id in (1, 2, 3):
        await _decoded(decoder, _record(schema_id))
    with pytest.raises(SchemaNeeded):
        decoder.decode(_record(1))
    assert decoder.decode(_record(3)) == [(_record(3), {"type": "track"})]


async def test_memory_for_unknown_ids_is_bounded(server: FakeRegistry) -> None:
    """A flood of ids that nobody knows takes no more memory than the limit allows."""
    decoder = _decoder(server.url, max_schema_count=2)
    for schema_id in (1, 2, 3):
        assert isinstance(await _decoded(decoder, _record(schema_id)), Rejected)
    with pytest.raises(SchemaNeeded):
        decoder.decode(_record(1))


@pytest.mark.parametrize(
    ("settings", "authorization"),
    [
        ({}, None),
        ({"username": "u", "password": "p:w"}, "Basic " + base64.b64encode(b"u:p:w").decode()),
        ({"token": "t", "logical_cluster": "lsrc-1"}, "Bearer t"),
    ],
)
async def test_credentials_are_sent(server: FakeRegistry, settings: dict[str, Any], authorization: str | None) -> None:
    """Each way in reaches the registry."""
    server.holds(7, EVENT)
    await _decoder(server.url, **settings).fetch(7)
    assert server.authorizations == [authorization]


async def test_a_rotated_secret_is_used_without_a_restart(server: FakeRegistry, tmp_path: Path) -> None:
    """Each fetch reads the secret's file again."""
    secret = tmp_path / "token"
    secret.write_text("old")
    decoder = _decoder(server.url, token={"file": str(secret)})
    await decoder.fetch(7)
    secret.write_text("new")
    await decoder.fetch(7)
    assert server.authorizations == ["Bearer old", "Bearer new"]


async def test_an_unreadable_certificate_file_is_no_crash(server: FakeRegistry, tmp_path: Path) -> None:
    """Files are read when the client is made; one that has gone holds the destination and is named by its kind."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    decoder = _decoder(server.url, ca_file=str(tmp_path / "ca.pem"))
    (tmp_path / "ca.pem").unlink()
    with pytest.raises(TransientError, match="could not be asked: FileNotFoundError"):
        await decoder.fetch(7)


@pytest.mark.parametrize("value", [b"", b"\0\0\0\0", b"\1\0\0\0\7x", b'{"type":"track"}'])
def test_a_value_without_a_frame_is_no_avro(value: bytes) -> None:
    """Too short, or without the zero in front: no id to ask the registry for."""
    outcome = _decoder("http://127.0.0.1:1").decode(Record("t", 0, 0, 0, value=value))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "invalid_avro"


def test_the_signal_says_what_is_needed() -> None:
    """The signal's text is safe to log."""
    assert SchemaNeeded(7).safe == "schema 7 is needed"
