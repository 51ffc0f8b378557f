"""The configuration file: YAML with locations, secrets that stay secret, and errors that say where and what.

Knows no stage: models of settings live beside their stages and are handed in.
"""

from __future__ import annotations

from processor.config.document import Document, load_document
from processor.config.located import refuse
from processor.config.masking import masked, secrets_in
from processor.config.pem import Authorities, require_pair
from processor.config.problems import Problem
from processor.config.properties import Properties, naming_files, refusing, revealed
from processor.config.secret import UNREAD_SECRETS, HeaderSecret, Secret, SecretOrPlain
from processor.config.validation import validate

__all__ = [
    "UNREAD_SECRETS",
    "Authorities",
    "Document",
    "HeaderSecret",
    "Problem",
    "Properties",
    "Secret",
    "SecretOrPlain",
    "load_document",
    "masked",
    "naming_files",
    "refuse",
    "refusing",
    "require_pair",
    "revealed",
    "secrets_in",
    "validate",
]
