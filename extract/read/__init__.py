"""From a local file to records: what it is, its rows, and an account of every record in it."""

from .header import name_key
from .model import Batch, EmptyFile, Found, Hints, Limits, NotClean, Refused, Unreadable
from .reading import Reading, open_file

__all__ = [
    "Batch",
    "EmptyFile",
    "Found",
    "Hints",
    "Limits",
    "NotClean",
    "Reading",
    "Refused",
    "Unreadable",
    "name_key",
    "open_file",
]
