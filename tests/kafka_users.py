"""Users of a Kafka with an authorizer, for tests of rights: how brokers know them, and how clients say who they are."""

from __future__ import annotations

ADMIN, BRIDGE = "admin", "bridge"
PASSWORDS = {ADMIN: "admin-made-up", BRIDGE: "bridge-made-up"}
"""Users of a cluster with an authorizer: one that may do everything, and one that is granted what a test grants."""


def sasl_properties(user: str) -> dict[str, str]:
    """Return what a client of a cluster with an authorizer must set."""
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": user,
        "sasl.password": PASSWORDS[user],
    }


def authorizer_properties() -> dict[str, str]:
    """Return what a broker must be told to ask who a client is, and to grant nothing by itself."""
    users = " ".join(f'user_{user}="{password}"' for user, password in PASSWORDS.items())
    own = f'username="{ADMIN}" password="{PASSWORDS[ADMIN]}"'
    return {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN};User:ANONYMOUS",  # anonymous are controllers alone: clients have no such listener
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "security.inter.broker.protocol": "SASL_PLAINTEXT",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": (
            f"org.apache.kafka.common.security.plain.PlainLoginModule required {own} {users};"
        ),
    }
