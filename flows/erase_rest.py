"""What an erasure does after its transaction: old contents, dropped files and exports go, the certificate is written.
Where its process died before all of that was done, the next command does it, as it does for a rotation."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import text

from extract import archive
from flows.privacy import finish_rotation, renew_exports, with_history
from warehouse import erasure
from warehouse.connection import engine, locks, transaction
from warehouse.rotate import is_exported
from warehouse.settings import settings


def finish(number: int | None = None) -> list[int]:
    """Do what is left of an erasure, or of all; gives which were finished. A second call changes nothing. Call it with
    every entity locked that has lost versions."""
    with transaction() as connection:
        certificates = erasure.unfinished(connection, number)
        left = erasure.left_over(connection) if certificates else []
    for sha256 in left:
        archive.remove(sha256)
    for file in dropped(set(left)):
        file.unlink(missing_ok=True)
    for certificate in certificates:
        for entity in certificate.get("exports_written_anew", ()):
            renew_exports(entity)
        _vacuum([f"staging.delivery_{of['delivery']}" for of in certificate.get("deliveries", ())])
        if "came_back" not in certificate:
            _write(certificate)
        with transaction() as connection:
            erasure.finished(connection, certificate["erasure"])
    return [certificate["erasure"] for certificate in certificates]


def finish_what_died() -> list[int]:
    """The same for erasures whose process died, and for a rotation that did, unless another process has an entity in
    hand: the next one does it."""
    with transaction() as connection:
        if is_exported(connection) and not erasure.unfinished(connection):
            return []
    with locks([f"entity.{entity}" for entity in with_history()]) as taken:
        if taken:
            return []
        finish_rotation()
        return finish()


def dropped(contents: Collection[str]) -> list[Path]:
    """Files of the drop folder that hold one of the contents."""
    found = []
    for path in sorted(settings().drops.rglob("*")) if contents else ():
        if path.is_file():
            with open(path, "rb") as content:
                if hashlib.file_digest(content, "sha256").hexdigest() in contents:
                    found.append(path)
    return found


def _vacuum(tables: Collection[str]) -> None:
    """Let PostgreSQL forget the rows as they were."""
    with transaction() as connection:
        there = [name for name in tables if connection.scalar(text("select to_regclass(:name)"), {"name": name})]
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in (*there, *(f'quarantine."{entity}"' for entity in with_history()), "pii.vault"):
            connection.execute(text(f"vacuum {table}"))


def _write(certificate: Mapping[str, Any]) -> None:
    file = settings().folder("certificates") / f"erasure-{certificate['erasure']:06d}.json"
    file.write_text(json.dumps(certificate, indent=2) + "\n")
