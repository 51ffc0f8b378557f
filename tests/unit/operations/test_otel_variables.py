"""What is read of OpenTelemetry's variables: here, the headers of requests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from processor.errors import ConfigError
from processor.operations.otel_variables import headers

NAME = "OTEL_EXPORTER_OTLP_HEADERS_FILE"
OWN = "OTEL_EXPORTER_OTLP_TRACES_HEADERS_FILE"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("authorization=Bearer%20key\r\n", {"authorization": "Bearer key"}),
        ("Authorization=Basic a2V5PQ==, x-team=cdp,", {"authorization": "Basic a2V5PQ==", "x-team": "cdp"}),
    ],
)
def test_headers_are_read_as_the_variable_has_them(text: str, expected: dict[str, str], tmp_path: Path) -> None:
    """Encoded or not, one or several."""
    (tmp_path / "headers").write_text(text)
    assert headers("METRICS", {NAME: str(tmp_path / "headers")}) == expected


def test_the_file_of_a_signal_comes_before_that_of_both(tmp_path: Path) -> None:
    """As the standard variables have it."""
    (tmp_path / "both").write_text("a=both")
    (tmp_path / "own").write_text("a=own")
    environ = {NAME: str(tmp_path / "both"), OWN: str(tmp_path / "own")}
    assert (headers("TRACES", environ), headers("METRICS", environ)) == ({"a": "own"}, {"a": "both"})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"KEY",
        b"Authorization: Bearer KEY",
        b"authorization=Bearer KEY\nx-team=cdp",
        b"authorization=KEY%0d%0aX: y",
        b"authorization=",
        b"=KEY",
        b"a=b,,c=KEY",
        b"authorization=KEY\xff",
        "authorization=KEY\u00e9".encode(),
        "\ufeffauthorization=KEY".encode(),
    ],
)
def test_what_is_no_header_is_refused_without_being_told(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The text names variable and file, and neither it nor the log holds the key."""
    (tmp_path / "headers").write_bytes(content)
    with pytest.raises(ConfigError, match=NAME) as refused:
        headers("TRACES", {NAME: str(tmp_path / "headers")})
    assert str(tmp_path / "headers") in refused.value.safe
    assert "KEY" not in refused.value.safe + caplog.text


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """In the text that logs may show."""
    with pytest.raises(ConfigError) as refused:
        headers("TRACES", {NAME: str(tmp_path / "none")})
    assert refused.value.safe == f"{NAME}: {tmp_path / 'none'} cannot be read: No such file or directory"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """It would be read on the event loop, where no signal could end the process."""
    os.mkfifo(tmp_path / "headers")
    with pytest.raises(ConfigError, match="is no file"):
        headers("TRACES", {NAME: str(tmp_path / "headers")})


def test_a_header_of_the_file_comes_before_that_of_the_variable(tmp_path: Path) -> None:
    """Both are sent where they have different names."""
    (tmp_path / "headers").write_text("a=file")
    variables = {"OTEL_EXPORTER_OTLP_HEADERS": "A=variable,b=variable", NAME: str(tmp_path / "headers")}
    assert headers("TRACES", variables) == {"a": "file", "b": "variable"}
    assert headers("TRACES", {}) == {}


def test_a_variable_that_is_not_understood_is_refused() -> None:
    """As a file is, and without being told."""
    with pytest.raises(ConfigError) as refused:
        headers("METRICS", {"OTEL_EXPORTER_OTLP_HEADERS": "Authorization: KEY"})
    assert refused.value.safe == (
        "OTEL_EXPORTER_OTLP_HEADERS is not written as name=value, percent-encoded, with commas between"
    )
