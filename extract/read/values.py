"""What kind of value a cell holds, as far as its look tells: for finding dialects and headers, never for casting."""

import functools
import re

MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[ap]\.?m\.?)?"
DAY = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})"
    rf"|\d{{1,2}}[-\s]{MONTH}[-\s,]+(?:\d{{4}}|\d{{2}})|{MONTH}[-\s]+\d{{1,2}},?\s+\d{{4}}"
    r"|(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
)
KINDS = (
    ("empty", r"\s*(?:n/?a|null|none|nan|-+|\.+)?\s*"),
    ("date", rf"\s*{DAY}(?:[T\s]+{TIME}(?:\s*(?:z|utc|[+-]\d\d:?\d\d))?)?\s*"),
    ("time", rf"\s*{TIME}\s*"),
    ("year", r"\s*(?:19|20)\d{2}\s*"),
    ("number", r"\s*[-+(]?(?:\d{1,3}(?:[, ]\d{3})+|\d+|(?=[.,]\d))(?:[.,]\d+)?(?:e[-+]?\d+)?\)?\s*"),
    (
        "money",
        r"\s*[-+(]?\s*(?:[$€£¥]|[a-z]{3}\s)\s*[-+]?\d[\d., ]*\)?\s*|\s*[-+]?\d[\d., ]*\s*(?:[€£¥$]|eur|usd|gbp)\s*",
    ),
    ("percent", r"\s*[-+]?\d+(?:[.,]\d+)?\s*%\s*"),
    ("url", r"\s*(?:https?|ftp|s3)://\S+\s*|\s*www\.\S+\s*"),
    ("email", r"\s*[^\s@,;|]+@[^\s@,;|]+\.[a-z]{2,}\s*"),
    ("flag", r"\s*(?:true|false|yes|no|y|n|t|f)\s*"),
    ("code", r"\s*(?=[^\s]*\d)[a-z0-9]+(?:[-_/.][a-z0-9]+)*\s*"),
)
PATTERN = re.compile("|".join(rf"(?P<{name}>(?:{pattern})\Z)" for name, pattern in KINDS), re.IGNORECASE | re.ASCII)
TYPED = frozenset({"date", "time", "year", "number", "money", "percent", "url", "email", "flag", "code"})
STRONG = TYPED - {"code", "flag"}
LONGEST = 60
GLUED = re.compile(r"[^\s,;|\t][,;|\t](?=[^\s,;|\t])|[;|\t]|[,;:]\Z")  # delimiters of other dialects inside a cell


@functools.lru_cache(maxsize=65536)
def kind_of(cell: str) -> str:
    """One of the names in KINDS, or "words"."""
    if len(cell) > LONGEST:
        return (
            "url"
            if cell.lstrip()[:8].lower().startswith(("http://", "https://")) and " " not in cell.strip()
            else "words"
        )
    found = PATTERN.match(cell)
    return found.lastgroup or "words" if found else "words"


@functools.lru_cache(maxsize=65536)
def fitness(cell: str) -> float:
    """How much a cell looks like one that was told apart rightly, between 0 and 1."""
    kind = kind_of(cell)
    if kind in TYPED:
        return 1.0 if cell[0] != " " else 0.9
    if kind == "empty":
        return 0.8
    text = cell.strip()
    if not text:
        return 0.5
    if text[0] in "\"'" or text[-1] in "\"'":
        return 0.2
    if GLUED.search(text):
        return 0.3
    return 0.9 if text == cell else 0.7
