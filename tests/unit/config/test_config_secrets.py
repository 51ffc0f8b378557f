"""Secrets: where they come from, that nothing shows them, and that they can be read again."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from processor.config import HeaderSecret, Properties, Secret, SecretOrPlain, masked, refusing, revealed, secrets_in
from processor.config.properties import is_secret_name

VALUE = "made-up-value"


class Settings(BaseModel):
    """A model with a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Secret


def messages_of(model: Any, value: object, **context: object) -> list[str]:  # noqa: ANN401 - any type
    """Return what validation says against a value."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(model).validate_python(value, context=context or None)
    return [error["msg"] for error in caught.value.errors()]


@pytest.fixture
def variable(monkeypatch: pytest.MonkeyPatch) -> str:
    """An environment variable that holds the value."""
    monkeypatch.setenv("TEST_SECRET", VALUE)
    return "TEST_SECRET"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that holds the value."""
    path = tmp_path / "secret"
    path.write_text(f"{VALUE}\n")
    return path


def test_a_variable_and_a_file_hold_secrets(variable: str, file: Path) -> None:
    """Both references lead to the value."""
    assert Settings.model_validate({"key": {"env": variable}}).key.reveal() == VALUE
    assert Settings.model_validate({"key": {"file": str(file)}}).key.reveal() == VALUE


@pytest.mark.parametrize(
    ("content", "value"),
    [(b"x\n", "x"), (b"x\r\n", "x"), (b"x\n\n", "x\n"), (b" x ", " x "), ("é".encode(), "é"), (b"a\nb\n", "a\nb")],
)
def test_one_line_end_is_left_out(tmp_path: Path, content: bytes, value: str) -> None:
    """Editors and `echo` add one; everything else belongs to the secret, such as the lines of a PEM key."""
    path = tmp_path / "secret"
    path.write_bytes(content)
    assert Secret.from_reference("file", str(path)).reveal() == value


@pytest.mark.parametrize("value", [VALUE, 12345678, 1.5, True, [VALUE]])
def test_literal_secrets_are_refused_without_being_shown(value: object) -> None:
    """What is written in the file is refused, whatever its form, and the message does not repeat it."""
    (message,) = messages_of(Settings, {"key": value})
    assert message == "a secret is written literally; allowed: {env: NAME} or {file: PATH}"


@pytest.mark.parametrize("value", [{}, {"env": "A", "file": "b"}, {"enw": VALUE}, {"env": 5}, {"file": None}])
def test_what_is_no_reference_is_refused(value: object) -> None:
    """A reference has exactly one key of two, with text."""
    (message,) = messages_of(Settings, {"key": value})
    assert message == "this is no reference to a secret; allowed: {env: NAME} or {file: PATH}"


def test_nothing_is_no_secret() -> None:
    """A key without a value is an empty secret."""
    assert messages_of(Settings, {"key": None}) == ["the secret is empty; allowed: {env: NAME} or {file: PATH}"]


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person who starts the program must know which one to set."""
    monkeypatch.delenv("TEST_MISSING", raising=False)
    assert messages_of(Settings, {"key": {"env": "TEST_MISSING"}}) == ["environment variable TEST_MISSING is not set"]


@pytest.mark.parametrize("text", ["eyJhbGciOi.J9.x-y", "with space", "", "1abc", "a" * 129])
def test_a_secret_in_place_of_a_name_is_not_shown(text: str) -> None:
    """Who writes the key itself after `env:` does not find it in the log."""
    (message,) = messages_of(Settings, {"key": {"env": text}})
    assert message.startswith("the text after env: is no name of an environment variable")
    assert not text or text not in message


def test_empty_and_unreadable_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty value is as good as none, and bytes that are no text are no key."""
    monkeypatch.setenv("TEST_EMPTY", "")
    monkeypatch.setenv("TEST_BYTES", "\udcff")
    assert messages_of(Settings, {"key": {"env": "TEST_EMPTY"}}) == ["environment variable TEST_EMPTY is empty"]
    assert messages_of(Settings, {"key": {"env": "TEST_BYTES"}}) == ["environment variable TEST_BYTES is not UTF-8"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\n", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xff", "is not UTF-8"),
        (b"x" * 70_000, "is too large"),
        (None, "No such file"),
    ],
)
def test_files_that_hold_no_secret(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """The message names the file and the reason, and nothing of the content."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    (message,) = messages_of(Settings, {"key": {"file": str(path)}})
    assert message.startswith(f"secret file {str(path)!r}")
    assert reason in message


def test_a_path_with_a_null_character() -> None:
    """The operating system's own complaint is a message like the others."""
    assert "null character" in messages_of(Settings, {"key": {"file": "a\0b"}})[0]


@pytest.mark.parametrize("content", ["key\n\n", " key", "key ", "ke\ny", "kéy", "key\0"])
def test_a_secret_that_fits_no_header_is_refused(tmp_path: Path, content: str) -> None:
    """A second line end or a blank from a clipboard would make every request fail; the value is not shown."""
    path = tmp_path / "secret"
    path.write_text(content, encoding="utf-8")
    (message,) = messages_of(HeaderSecret, {"file": str(path)})
    assert message.startswith(
        f"secret file {str(path)!r} holds what no HTTP header can carry; allowed: one line of ASCII"
    )
    assert messages_of(HeaderSecret, content, plain_secrets=True)[0].startswith("the secret holds what no HTTP header")


def test_a_secret_with_blanks_within_fits_a_header(file: Path) -> None:
    """What stands between two characters is carried as it is."""
    file.write_text("two words\n")
    assert TypeAdapter(HeaderSecret).validate_python({"file": str(file)}).reveal() == "two words"


def test_settings_from_code_may_be_literal() -> None:
    """Golden cases give keys as they are; a file cannot ask for that."""
    settings = Settings.model_validate({"key": VALUE}, context={"plain_secrets": True})
    assert settings.key.reveal() == VALUE
    assert messages_of(Settings, {"key": VALUE}, plain_secrets=False)
    assert messages_of(Settings, {"key": 5}, plain_secrets=True)


def test_nothing_shows_the_value(variable: str) -> None:
    """Texts, JSON, pickles and copies hold the mask or the reference."""
    settings = Settings.model_validate({"key": {"env": variable}})
    shown = [
        repr(settings),
        str(settings),
        f"{settings.key}",
        f"{settings.key!r}",
        settings.model_dump_json(),
        str(settings.model_dump()),
        json.dumps(settings.model_dump(mode="json")),
        repr(Secret(VALUE)),
        str(pickle.dumps(settings)),
    ]
    assert [text for text in shown if VALUE in text] == []
    assert settings.model_dump() == {"key": "***"}


def test_a_pickle_is_read_where_it_is_opened(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference travels, the value does not."""
    pickled = pickle.dumps(Settings.model_validate({"key": {"env": variable}}))
    monkeypatch.setenv(variable, "another")
    assert pickle.loads(pickled).key.reveal() == "another"


def test_a_literal_secret_cannot_be_pickled() -> None:
    """There is no reference that could travel in its place."""
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Secret(VALUE))


def test_copies_follow_a_reload(file: Path) -> None:
    """Copies of settings share the secret: after a rotation none keeps the old one."""
    settings = Settings.model_validate({"key": {"file": str(file)}})
    copies = [copy.copy(settings.key), copy.deepcopy(settings).key]
    file.write_text("rotated")
    assert settings.key.reload() is True
    assert [secret.reveal() for secret in copies] == ["rotated", "rotated"]


def test_a_reload_says_whether_anything_changed(file: Path) -> None:
    """Unchanged, unreadable and literal secrets stay as they are."""
    secret = Secret.from_reference("file", str(file))
    assert secret.reload() is False
    file.write_text("")
    assert secret.reload() is False
    file.unlink()
    assert secret.reload() is False
    assert secret.reveal() == VALUE
    assert Secret(VALUE).reload() is False


def test_secrets_are_equal_by_place_and_value(variable: str, file: Path) -> None:
    """Equal ones have equal hashes, and a hash outlives a reload."""
    first, second = (Secret.from_reference("file", str(file)) for _ in range(2))
    before = hash(first)
    assert (first == second, hash(first) == hash(second)) == (True, True)
    assert first != Secret.from_reference("env", variable)
    assert first != VALUE
    file.write_text("rotated")
    first.reload()
    assert (first == second, hash(first)) == (False, before)


def test_the_json_schema_knows_references_only() -> None:
    """An editor marks a literal secret while it is typed."""
    schema = Settings.model_json_schema()["properties"]["key"]
    taken = Draft202012Validator(schema).is_valid
    assert all(map(taken, [{"env": "NAME"}, {"file": "/secrets/name"}]))
    assert not any(map(taken, [VALUE, None, {}, {"env": "NAME", "file": "/secrets/name"}, {"key": VALUE}]))


@pytest.mark.parametrize("value", ["text", 5, 1.5, True])
def test_plain_values_stay_as_they_are(value: object) -> None:
    """Where a value may be secret but need not, scalars pass."""
    assert TypeAdapter(SecretOrPlain).validate_python(value) == value


def test_a_value_that_may_be_secret_may_be_a_reference(variable: str) -> None:
    """The same references as elsewhere."""
    value: SecretOrPlain = TypeAdapter(SecretOrPlain).validate_python({"env": variable})
    assert isinstance(value, Secret)
    assert value.reveal() == VALUE


@pytest.mark.parametrize(("value", "found"), [(None, "nothing"), ([1], "a list")])
def test_other_values_are_neither(value: object, found: str) -> None:
    """A list or nothing is no property."""
    assert messages_of(SecretOrPlain, value)[0].startswith(f"found {found}; allowed: ")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sasl.password", True),
        ("ssl.key.password", True),
        ("ssl.keystore.password", True),
        ("ssl.key.pem", True),
        ("sasl.oauthbearer.client.secret", True),
        ("sasl.oauthbearer.config", True),
        ("sasl.oauthbearer.assertion.private.key.passphrase", True),
        ("sasl.oauthbearer.assertion.private.key.pem", True),
        ("basic.auth.user.info", True),
        ("security.protocol", False),
        ("sasl.username", False),
        ("ssl.key.location", False),
        ("ssl.certificate.pem", False),
        ("sasl.oauthbearer.token.endpoint.url", False),
        ("sasl.oauthbearer.assertion.private.key.file", False),
        ("sasl.oauthbearer.client.id", False),
    ],
)
def test_names_of_secrets(name: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """Librdkafka's names of secrets are known, also those that only hold one; paths and addresses are none."""
    assert is_secret_name(name) is expected


def test_properties_refuse_everything_at_once(variable: str) -> None:
    """Literal secrets, refused names and wrong values are each named at their own place, in one error."""
    kind = TypeAdapter(refused_properties())
    value = {"sasl.password": VALUE, "group.id": "x", "a": None, "ssl.key.password": {"env": variable}, "log": "x"}
    with pytest.raises(ValidationError) as caught:
        kind.validate_python(value)
    found = {error["loc"][0]: error["msg"] for error in caught.value.errors()}
    assert set(found) == {"sasl.password", "group.id", "a", "log"}
    assert found["log"] == "asked with 'x'"
    assert found["group.id"] == "this property cannot be set here: ours"
    assert VALUE not in str(found)


def test_properties_are_revealed_for_the_client(variable: str) -> None:
    """What librdkafka gets is the value itself."""
    properties = TypeAdapter(refused_properties()).validate_python(
        {"sasl.password": {"env": variable}, "security.protocol": "SASL_SSL", "retries": 5}
    )
    assert VALUE not in repr(properties)
    assert revealed(properties) == {"sasl.password": VALUE, "security.protocol": "SASL_SSL", "retries": 5}


def test_properties_must_be_a_mapping() -> None:
    """Anything else is pydantic's own complaint."""
    assert messages_of(refused_properties(), 5) == ["Input should be a valid dictionary"]


def refused_properties() -> Any:  # noqa: ANN401 - an annotated type
    """Return a type of properties in which `group.id` cannot be set and `log` neither; no secret may be asked about."""

    def judge(name: str, value: object) -> str | None:
        assert value is None or not is_secret_name(name)
        if name == "log":
            return f"asked with {value!r}"
        return "this property cannot be set here: ours" if name == "group.id" else None

    return Annotated[Properties, refusing(judge)]


def test_all_secrets_of_settings_are_found() -> None:
    """Also in mappings, lists and models within."""

    class Outer(BaseModel):
        inner: Settings
        many: list[Secret]
        named: dict[str, SecretOrPlain]

    secrets = [Secret(str(number)) for number in range(3)]
    outer = Outer(inner=Settings(key=secrets[0]), many=[secrets[1]], named={"a": secrets[2], "b": "plain"})
    assert list(secrets_in(outer)) == secrets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key a+b/c= refused", "key *** refused"),
        ("?key=a%2Bb%2Fc%3D&x=1", "?key=***&x=1"),
        ("key a+b/c=longer", "key ***"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("bearer  abc.def-ghi", "bearer  ***"),
        ("nothing here", "nothing here"),
        (r'{"key":"q\"\\é","ascii":"q\"\\\u00e9"}', '{"key":"***","ascii":"***"}'),
    ],
)
def test_secrets_are_masked_in_foreign_texts(text: str, expected: str) -> None:
    """Also where an answer has them escaped, where one secret begins another, and in encoded credentials."""
    assert masked(text, [Secret("a+b/c="), Secret("a+b/c=longer"), Secret('q"\\é')]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cannot POST /hooks/T0/Xy12345678?sig=abcdefgh&v=1", "Cannot POST ***"),
        ("no route /hooks/T0/Xy12345678 here", "no route *** here"),
        ("unknown key Xy12345678, signature abcdefgh", "unknown key ***, signature ***"),
        ("/hooks%2FT0%2FXy12345678", "/hooks%2FT0%2F***"),
        ("hooks and v=1 are words, / is a sign", "hooks and v=1 are words, / is a sign"),
    ],
)
def test_parts_of_a_secret_address_are_masked(text: str, expected: str) -> None:
    """A server repeats an address without its origin."""
    assert masked(text, [Secret("https://h.example/hooks/T0/Xy12345678?sig=abcdefgh&v=1")]) == expected


def test_whether_a_secret_is_there_is_asked_of_its_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was left unread says why it cannot be used; a literal one is there."""
    monkeypatch.delenv("LATER", raising=False)
    unread = Secret.unread("env", "LATER")
    assert "LATER" in (unread.trouble() or "")
    monkeypatch.setenv("LATER", "value")
    assert (unread.trouble(), Secret("plain").trouble()) == (None, None)
