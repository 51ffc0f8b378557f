"""One destination's process in the demo: `run --destination NAME`, with clients that suit the embedded Kafka."""

from __future__ import annotations

import sys
from pathlib import Path

from processor import app
from processor.demo.embedded import EmbeddedClients
from processor.operations.logs import configure
from processor.settings import load_settings


def main(config: str, name: str) -> int:
    """Run the destination `name` of the file `config` until told to stop; return the exit code."""
    settings = load_settings(Path(config))
    configure(settings.operations.logs, destination=name)
    return app.run(settings, name, make_clients=EmbeddedClients)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
