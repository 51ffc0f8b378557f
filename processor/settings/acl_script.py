"""The rights that a configuration needs, as a shell script of `kafka-acls.sh` calls for whoever owns the cluster."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from processor.settings.access import Grant, grants, needs, spelt, targets
from processor.settings.root import Settings

_HEAD: Final = """\
#!/bin/sh
# What segment-bridge needs of Kafka, and no more; written by `segment-bridge acls`.
#
#   sh FILE print     shows the calls and changes nothing
#   sh FILE add       grants
#   sh FILE remove    takes back
#
# KAFKA_ACLS         the tool (kafka-acls.sh)
# BOOTSTRAP_SERVERS  brokers to begin with (localhost:9092)
# COMMAND_CONFIG     a file with the properties of somebody who may alter the cluster (none)
# PRINCIPAL          who is granted this (whom the command named)
set -eu

case "${{1:-}}" in
  print | add | remove) action=$1 ;;
  *) echo "usage: $0 print | add | remove" >&2; exit 2 ;;
esac
principal=${{PRINCIPAL:-{principal}}}

acls() {{
  set -- --allow-principal "$principal" "$@"
  if [ "$action" = remove ]; then set -- --remove --force "$@"; else set -- --add "$@"; fi
  if [ -n "${{COMMAND_CONFIG:-}}" ]; then set -- --command-config "$COMMAND_CONFIG" "$@"; fi
  set -- "${{KAFKA_ACLS:-kafka-acls.sh}}" --bootstrap-server "${{BOOTSTRAP_SERVERS:-localhost:9092}}" "$@"
  if [ "$action" != print ]; then "$@"; else printf "'%s' " "$@"; echo; fi
}}
"""
_LOOKS: Final = frozenset({"DESCRIBE_CONFIGS"})
"""What `check --online` may be granted beside: without it, it does not tell what topics keep."""


def acl_script(settings: Settings, principal: str, *, looks_at_topics: bool = False) -> str:
    """Return the script; `looks_at_topics` adds the right to see how topics are configured, for `check --online`.

    Topics on clusters of their own are named in comments: their rights are granted there.
    """
    parts = [_HEAD.format(principal=shlex.quote(principal)), *map(_call, grants(settings))]
    if looks_at_topics:
        names = dict.fromkeys(need.topic for need in needs(settings))
        parts += [_call(Grant("topic", name, _LOOKS, "for `check --online` alone")) for name in names]
    parts += _elsewhere(settings)
    return "\n".join(parts)


def _call(grant: Grant) -> str:
    """Return the call that grants operations on one topic or group."""
    operations = " ".join(f"--operation {operation}" for operation in spelt(grant.operations))
    return f"# {grant.purpose}\nacls --{grant.kind} {shlex.quote(grant.name)} {operations}\n"


def _elsewhere(settings: Settings) -> Iterator[str]:
    for name, target in targets(settings):
        if target.bootstrap_servers is not None:
            yield f"# topic of {name}: on the cluster of its own, grant Write on {target.topic}\n"
