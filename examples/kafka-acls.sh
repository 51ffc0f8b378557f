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

case "${1:-}" in
  print | add | remove) action=$1 ;;
  *) echo "usage: $0 print | add | remove" >&2; exit 2 ;;
esac
principal=${PRINCIPAL:-User:segment-bridge}

acls() {
  set -- --allow-principal "$principal" "$@"
  if [ "$action" = remove ]; then set -- --remove --force "$@"; else set -- --add "$@"; fi
  if [ -n "${COMMAND_CONFIG:-}" ]; then set -- --command-config "$COMMAND_CONFIG" "$@"; fi
  set -- "${KAFKA_ACLS:-kafka-acls.sh}" --bootstrap-server "${BOOTSTRAP_SERVERS:-localhost:9092}" "$@"
  if [ "$action" != print ]; then "$@"; else printf "'%s' " "$@"; echo; fi
}

# topic
acls --topic segment-events --operation Read

# control topic
acls --topic segment-bridge.control --operation Read --operation Write

# dead-letter topic
acls --topic segment-bridge.dead-letters --operation Write

# control topic, where it is missing
acls --topic segment-bridge.control --operation Create

# group of moesif-prod
acls --group segment-bridge.moesif-prod --operation Read
