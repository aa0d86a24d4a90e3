"""The records that a report is made of, carried along in it."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass

from pigbench.results import Record, record_name


@dataclass(frozen=True)
class Attachment:
    """A record as a link saves it. data: gzipped JSON, base64. size: in KiB, packed."""

    name: str
    data: str
    size: int


def attachment(record: Record) -> Attachment:
    """A record as it is; a `private.Disguise` has taken out of it what names its user."""
    packed = gzip.compress(record.model_dump_json().encode(), mtime=0)
    return Attachment(f"{record_name(record)}.gz", base64.b64encode(packed).decode(), len(packed) // 1024 + 1)
