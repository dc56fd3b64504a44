"""The hash of a content without its volatile parts: what changes there is nothing new."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

LINE = (
    2**20
)  # of a longer line, what is volatile is not found across this boundary: a delivery too many, never one less


def digest(path: Path, volatile: Sequence[str] = ()) -> str:
    """SHA-256, in constant memory."""
    with open(path, "rb") as content:
        if not volatile:
            return hashlib.file_digest(content, "sha256").hexdigest()
        found, hashed = re.compile(b"|".join(b"(?:%b)" % one.encode() for one in volatile)), hashlib.sha256()
        while line := content.readline(LINE):
            hashed.update(found.sub(b"", line))
        return hashed.hexdigest()
