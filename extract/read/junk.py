"""What a file without a table in it looks like, in words for the person who has to ask the vendor again."""

import re

MAGIC = (
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"%PDF-", "a PDF document"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow/Feather file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Microsoft Office file (xls, doc)"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"{\\rtf", "an RTF document"),
)
ANSWER = re.compile(
    r"(error:?\s*)?([45]\d\d:?\s+)?(bad (request|gateway)|unauthori[sz]ed|forbidden|(page |file )?not found"
    r"|method not allowed|request time-?out|too many requests|internal server error|gateway time-?out"
    r"|service (temporarily )?unavailable|access (is )?denied|(the )?rate limit exceeded"
    r"|invalid (api )?(key|token|credentials))",
    re.IGNORECASE,
)
PRINTABLE = (
    b"BZh",
    b"PAR1",
    b"ARROW1",
    b"GIF8",
)  # could be the first letters of a table too


def magic(head: bytes) -> str | None:
    """What kind of binary file begins with these bytes; None if it may be text."""
    for letters, name in MAGIC:
        if head.startswith(letters) and (letters not in PRINTABLE or b"\0" in head):
            return _inside_zip(head) or name
    return None


def zeros(head: bytes) -> str | None:
    """Binary data without a known beginning, told by its NULs; asked only after no header was found."""
    count = head.count(0)
    share = count * 100 // max(1, len(head))
    binary = share >= (5 if count >= 32 else 30)  # a NUL or two in a short table are damage of their records
    return f"binary data ({share}% of its first {len(head):,} bytes are NUL)" if binary else None


def _inside_zip(head: bytes) -> str | None:
    if not head.startswith(b"PK\x03\x04"):
        return None
    if b"xl/" in head or b"[Content_Types].xml" in head:
        return "an Excel workbook (xlsx, a kind of zip)"
    return "an OpenDocument file (ods, a kind of zip)" if b"opendocument" in head else None


def utf16_without_bom(head: bytes) -> str | None:
    """UTF-16 shows in mostly Latin text by NULs in every other place."""
    sample = head[:4096]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if not odd and not even:
        return None
    if odd * 5 > len(sample) and even * 50 < len(sample):
        return "utf-16-le"
    return "utf-16-be" if even * 5 > len(sample) and odd * 50 < len(sample) else None


def page(text: str) -> str | None:
    """An HTML page or an XML document, told by a beginning that no table has."""
    start = _start(text)
    if re.match(r"<table\b", start, re.IGNORECASE):
        return "a table of an HTML page, whatever its name says"
    if re.match(r"<(!doctype\s+html|html)\b", start, re.IGNORECASE):
        title = re.search(r"<title[^>]*>\s*([^<]{1,80})", start, re.IGNORECASE)
        return "an HTML page" + (f' with the title "{" ".join(title[1].split())}"' if title else "")
    return element(text) if start.startswith("<?xml") else None


def answer(text: str) -> str | None:
    """A lone line of words that servers say in place of data: `502 Bad Gateway`."""
    line = text.strip().strip('."')
    if len(line) < 200 and "\n" not in line and ANSWER.fullmatch(line):
        return f'an error answer ("{line[:60]}")'
    return None


def element(text: str) -> str | None:
    """Any other markup; asked only after no header was found, for a header may be <TICKER>,<DATE>."""
    root = re.match(r"(?:<\?xml[^>]*>|<!--.*?-->|<![^>]*>|\s)*<([A-Za-z][\w:.-]*)[\s/>]", _start(text), re.DOTALL)
    return f"an XML or HTML document whose outermost element is <{root[1]}>" if root else None


def _start(text: str) -> str:
    return text[:4096].lstrip("\ufeff \t\r\n")


def json_body(text: str) -> str | None:
    """A JSON body, told by its first characters; asked only after no header was found."""
    start = _start(text)
    if not re.match(r'\{\s*["}]|\[\s*[\[{"\d\]]', start):
        return None
    keys = list(dict.fromkeys(re.findall(r'"(\w{1,40})"\s*:', start)))[:5]
    kind = "a JSON object" if start[0] == "{" else "a JSON list"
    return kind + (f" with the keys {', '.join(keys)}" if keys else "")
