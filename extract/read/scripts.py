"""Which encoding a text in another script than the Latin one has, by the letters that it would then hold."""

import re
import unicodedata

RUN = re.compile(rb"[\x80-\xff]+")
WORD = re.compile(rb"[A-Za-z][\x80-\xff]|[\x80-\xff][A-Za-z]")
LONG = 1.8  # in Latin text high bytes stand alone in their words, between ASCII letters
FEWEST = 8  # different bytes: fewer are no text
SURE = 0.55
CYRILLIC = ("cp1251", "koi8-r", "cp866", "iso8859-5")
CANDIDATES = (
    *CYRILLIC, "cp1253", "cp1255", "cp1256", "cp874", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr",
)  # fmt: skip
FREQUENT = {letter: 1.0 - 0.02 * place for place, letter in enumerate("оеаинтсрвлкмдпуяыьгзбчйхжюшцщэфъё")}
USUAL = {"gb18030": (0xB0, 0xD7), "big5": (0xA4, 0xC6), "shift_jis": (0x88, 0x97), "euc_jp": (0xB0, 0xCF)}


def guess(sample: bytes) -> str | None:
    """The encoding under which a sample is text in another script; None where it is Latin, or nothing fits."""
    runs = RUN.findall(sample)
    if not runs or sum(map(len, runs)) < LONG * len(runs) or len(set(b"".join(runs))) < FEWEST:
        return None
    scores = {encoding: _score(sample.decode(encoding, "replace"), encoding) for encoding in CANDIDATES}
    best = max(scores, key=lambda encoding: scores[encoding])
    latin = best not in USUAL and best != "euc_kr" and len(WORD.findall(sample)) * 4 > len(runs)
    return best if scores[best] >= SURE and not latin else None


def _score(text: str, encoding: str) -> float:
    """How usual the characters above ASCII are in texts of that encoding: at most 1, below 0 for waste."""
    letters = [(before, letter) for before, letter in zip(" " + text, text, strict=False) if ord(letter) > 127]
    if not letters:
        return 0.0
    score = sum(_weight(before, letter, encoding) for before, letter in letters) / len(letters)
    japanese = encoding in ("shift_jis", "euc_jp")
    return score * (0.7 if japanese and not re.search("[\u3041-\u30fe]", text) else 1)


def _weight(before: str, letter: str, encoding: str) -> float:
    code = ord(letter)
    if encoding in CYRILLIC:
        if letter in FREQUENT:
            return FREQUENT[letter]
        capital = letter.lower() in FREQUENT
        return (0.3 if not before.isalpha() or before.isupper() else -0.5) if capital else -0.5
    if code == 0xFFFD or not unicodedata.category(letter).startswith(("L", "M", "P", "S", "Z")):
        return -1.0
    script = unicodedata.name(letter, "").split(" ")[0]
    if encoding == "euc_kr":
        return 1.0 if script == "HANGUL" else -0.5
    if script in ("HIRAGANA", "KATAKANA", "FULLWIDTH", "IDEOGRAPHIC"):
        return 0.9 if encoding in USUAL else -0.5
    if script == "CJK" and encoding in USUAL:
        first, last = USUAL[encoding]
        return 0.85 if first <= letter.encode(encoding)[0] <= last else 0.0
    own = {"cp1253": "GREEK", "cp1255": "HEBREW", "cp1256": "ARABIC", "cp874": "THAI"}.get(encoding)
    if own != script or letter in "ΰϊ":  # two letters that are rare in Greek, and alef and tav in Hebrew
        return -0.5
    return -0.3 if letter.isupper() and before.islower() else 0.8
