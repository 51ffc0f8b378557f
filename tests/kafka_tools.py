"""Kafka's own command-line tools, as scripts of the names that people know."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.kafka_harness import JVM_OPTIONS
from tests.kafka_jars import jars

MAINS: Final = {
    "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
}


def kafka_tool(name: str, folder: Path) -> Path:
    """Return one of the tools, written into a folder."""
    java = " ".join(["exec java", *JVM_OPTIONS, f"-cp '{jars()}/*'", MAINS[name]])
    tool = folder / name
    tool.write_text(f'#!/bin/sh\n{java} "$@"\n')
    tool.chmod(0o755)
    return tool
