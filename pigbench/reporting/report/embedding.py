"""The records that a report is made of, carried along in it."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass

from pigbench.reporting.report.text import command_of, setting
from pigbench.results import Record, record_name


@dataclass(frozen=True)
class Attachment:
    """A record as a link saves it. data: gzipped JSON, base64. size: in KiB, packed."""

    name: str
    data: str
    size: int


def attachment(record: Record) -> Attachment:
    """A record, without the paths in its command and in its generators' settings."""
    content = json.loads(record.model_dump_json())
    content["provenance"]["command"] = command_of(record)
    for info in content["generators"].values():
        told = {name: setting(value) for name, value in info["config"].items() if isinstance(value, str)}
        info["config"] = info["config"] | told
    packed = gzip.compress(json.dumps(content, separators=(",", ":")).encode(), mtime=0)
    return Attachment(f"{record_name(record)}.gz", base64.b64encode(packed).decode(), len(packed) // 1024 + 1)
