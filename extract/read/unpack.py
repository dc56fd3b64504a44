"""Taking the wrappers off: gz, bz2, zst and zip, told by content, in bounded memory and on bounded disk."""

import bz2
import fnmatch
import gzip
import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from .model import Hints, Limits, Refused
from .source import Source

BLOCK = 2**20
UNASKED = 64 * 2**20  # up to here any ratio is fine: nothing that small hurts
ZIP = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
SPANNED_ZIP = b"PK\x07\x08"
DIRECTORY_BYTES = 64 * 2**20  # of a zip's table of contents
JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
WINDOW = 2**27  # 128 MiB: what zst may keep in memory, as its own command line has it
PIECE = 1024  # of zst at once: each byte of it can become 32 KiB
DAMAGE = (EOFError, OSError, zlib.error, zipfile.BadZipFile, ValueError, struct.error)


class Unpacked:
    """A file without its wrappers. `path` is the given file itself where it had none, else a temporary one that
    goes with this object; `wrappers` names them from the outside in."""

    def __init__(self, path: Path, wrappers: tuple[str, ...] = (), folder: Any = None) -> None:
        self.path, self.wrappers, self._folder = path, wrappers, folder

    @property
    def name(self) -> str:
        return self.path.name

    def close(self) -> None:
        """Delete the temporary file, if there is one."""
        if self._folder is not None:
            self._folder.cleanup()


class Member(NamedTuple):
    """A file in a zip: its name there, and the name that it has here, which is safe as a file's name."""

    inside: str
    name: str


def unpack(path: Path, hints: Hints, limits: Limits, scratch: Path | None = None) -> Unpacked:
    """The file without its wrappers; `scratch` is the folder for temporary files, if not the system's.

    Refused where one is damaged, encrypted, larger than the limits, nested too deeply, or a zip of which not exactly
    one member is meant. A zip whose members are read together stays as it is.
    """
    current, wrappers, folders = Unpacked(path), list[str](), list[Any]()
    while (kind := wrapper(current.path)) and not (kind == "zip" and hints.together):
        if len(wrappers) >= limits.nesting:
            raise Refused(
                f"{path.name}: more than {limits.nesting} wrappers, one in the other. Ask for a plain file. "
                f"{limits.remedy('nesting')} if they must be."
            )
        folder = tempfile.TemporaryDirectory(prefix="unpacked-", dir=scratch, ignore_cleanup_errors=True)
        folders.append(folder)
        target = Path(folder.name) / _inner_name(current.path, kind, hints, limits)
        with open(target, "wb") as out:
            _copy(current.path, kind, hints, limits, out)
        wrappers.append(kind)
        current = Unpacked(target, tuple(wrappers), folder)
        for old in folders[:-1]:
            old.cleanup()
    return current


def wrapper(path: Path) -> str | None:
    """gz, bz2, zst or zip; None for anything else, workbooks among it (which are zips of a kind)."""
    with Source(path).open() as file:
        head = file.read(16)
    if head.startswith(b"\x1f\x8b\x08"):
        return "gz"
    if head[:3] == b"BZh" and head[3:4].isdigit() and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bz2"
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F):
        return "zst"
    if head.startswith((ZIP, EMPTY_ZIP, SPANNED_ZIP)):
        return None if workbook_kind(path) else "zip"
    return None


def workbook_kind(path: Path) -> str | None:
    """xlsx, xlsb or ods, if a zip is a workbook."""
    with zip_file(path) as archive:
        names = set(archive.namelist())
    if "[Content_Types].xml" in names:
        if any(name.startswith("xl/") and name.endswith(".bin") and "workbook" in name for name in names):
            return "xlsb"
        if not any(name.startswith("xl/") for name in names):
            raise Refused(
                f"{path.name}: this is an Office document, and no Excel workbook. Ask the vendor for the table."
            )
        return "xlsx"
    return "ods" if {"mimetype", "content.xml"} <= names else None


def members(path: Path, hints: Hints, limits: Limits) -> list[Member]:
    """The files in a zip that are meant: those that hints.member names, else all but the waste of desktops.

    Refused where there is none, more than limits.members, or one twice.
    """
    with zip_file(path) as archive:
        inside = [info.filename for info in archive.infolist() if not info.is_dir()]
    files = [name for name in inside if not any(junk in name for junk in JUNK)]
    meant = [name for name in files if _matches(name, hints.member)]
    seen = ", ".join(map(_printable, files[:5])) or "nothing"
    if not meant:
        told = f"none is named like {hints.member!r}" if hints.member else "there is no file in it"
        raise Refused(f"{path.name}: the zip holds {seen}; {told}. Ask the vendor, or mend the pattern (member).")
    if len(meant) > limits.members:
        raise Refused(
            f"{path.name}: the zip holds {len(meant):,} files, more than the limit of {limits.members:,}. "
            f"{limits.remedy('members')} if that many are meant."
        )
    twice = {name for name in meant if meant.count(name) > 1} if len(set(meant)) < len(meant) else set()
    if twice:
        raise Refused(f"{path.name}: the zip holds {_printable(twice.pop())!r} twice. Ask the vendor for a good one.")
    return [Member(name, member_name(path, name)) for name in sorted(meant)]


def _matches(name: str, pattern: str | None) -> bool:
    return pattern is None or fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name.split("/")[-1], pattern)


def member_name(path: Path, inside: str) -> str:
    """`x.zip!folder!y.csv`: what a member is called outside its zip; no path can be read out of it."""
    parts = [part for part in inside.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    name = "!".join([path.name, *map(_printable, parts)])
    encoded = name.encode("utf-8", "replace")
    return name if len(encoded) <= 200 else "..." + encoded[-190:].decode("utf-8", "ignore")


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "_" for letter in name)


def extract_member(path: Path, member: Member, target: Path, limits: Limits) -> None:
    """Write one member of a zip into a file; Refused where it is damaged, encrypted or over the limits."""
    with open(target, "wb") as out, zip_file(path) as archive, opened_member(path, archive, member.inside) as file:
        pour(path.name, file, out, archive.getinfo(member.inside).compress_size, limits)


@contextmanager
def zip_file(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip, open; Refused where it is damaged, or its table of contents is larger than any honest one."""
    with Source(path).open() as file:
        _check_directory(path.name, file)
        try:
            archive = zipfile.ZipFile(file)
        except (*DAMAGE, NotImplementedError, RuntimeError, KeyError, IndexError, MemoryError, OverflowError) as error:
            raise damaged(path.name, "zip", error) from None
        with archive:
            yield archive


def _check_directory(name: str, file: IO[bytes]) -> None:
    """A zip's table of contents is read into memory as a whole."""
    size = file.seek(0, io.SEEK_END)
    start = max(0, size - 65557)
    file.seek(start)
    tail = file.read()
    file.seek(0)
    at = tail.rfind(EMPTY_ZIP)
    if at < 0 or len(tail) < at + 22:
        raise Refused(f"{name}: the zip is damaged or cut off (it has no end). Ask the vendor for a whole one.")
    directory = struct.unpack_from("<I", tail, at + 12)[0]
    wide = tail.rfind(b"PK\x06\x06", 0, at)
    if directory == 0xFFFFFFFF and wide >= 0 and len(tail) >= wide + 48:
        directory = struct.unpack_from("<Q", tail, wide + 40)[0]
    if directory > DIRECTORY_BYTES:
        raise Refused(f"{name}: the zip's table of contents claims {directory:,} bytes; that is not read.")


@contextmanager
def opened_member(path: Path, archive: zipfile.ZipFile, inside: str) -> Iterator[IO[bytes]]:
    """One member of a zip as a stream; Refused where it is encrypted, or packed in a way that is not known here."""
    try:
        info = archive.getinfo(inside)
    except KeyError:
        raise Refused(f"{path.name}: the zip lacks {_printable(inside)!r}. Ask the vendor for a whole one.") from None
    if info.flag_bits & 0x1:
        raise Refused(
            f"{path.name}: {_printable(inside)!r} in it is encrypted. Ask the vendor for one without password."
        )
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # zipfile reads no other in bounded memory
        told = f"{_printable(inside)!r} is packed in a way that is not read here (method {info.compress_type})"
        raise Refused(f"{path.name}: {told}. Ask the vendor for a usual zip.")
    try:
        file = archive.open(info)
    except (*DAMAGE, NotImplementedError, RuntimeError, KeyError) as error:
        raise damaged(path.name, "zip", error) from None
    with file:
        yield file


def _inner_name(path: Path, kind: str, hints: Hints, limits: Limits) -> str:
    if kind != "zip":
        return path.name
    meant = members(path, hints, limits)
    if len(meant) > 1:
        names = ", ".join(_printable(member.inside) for member in meant[:5])
        raise Refused(
            f"{path.name}: the zip holds {len(meant):,} files that could be meant: {names}"
            f"{', ...' if len(meant) > 5 else ''}. Name the one, or the pattern of those that are to be deliveries of "
            "their own (member)."
        )
    return meant[0].name


def _copy(path: Path, kind: str, hints: Hints, limits: Limits, out: IO[bytes]) -> None:
    if kind == "zip":
        only = members(path, hints, limits)[0]
        with zip_file(path) as archive, opened_member(path, archive, only.inside) as file:
            pour(path.name, file, out, archive.getinfo(only.inside).compress_size, limits)
        return
    with Source(path).open() as packed:
        try:
            stream = OPENERS[kind](packed)
        except Exception as error:
            raise damaged(path.name, kind, error) from None
        pour(path.name, stream, out, path.stat().st_size, limits, kind)


def pour(name: str, stream: IO[bytes], out: IO[bytes], packed: int, limits: Limits, kind: str = "zip") -> None:
    """Copy a decompressed stream, block by block; Refused where it is damaged, or grows beyond the limits."""
    for block in bounded(name, stream, packed, limits, kind):
        out.write(block)


def bounded(name: str, stream: IO[bytes], packed: int, limits: Limits, kind: str = "zip") -> Iterator[bytes]:
    """The blocks of a decompressed stream, as long as it stays within the limits. `packed`: its size before."""
    size = 0
    while block := _read(name, stream, kind):
        size += len(block)
        if size > limits.unpacked_bytes:
            raise Refused(
                f"{name}: unpacked it is larger than the limit of {limits.unpacked_bytes:,} bytes. "
                f"{limits.remedy('unpacked_bytes')} if the file is meant to be so large."
            )
        if size > UNASKED and size > packed * limits.unpacked_ratio:
            raise Refused(
                f"{name}: it unpacks to more than {limits.unpacked_ratio} times its size; files that are built to fill "
                f"a disk do that. {limits.remedy('unpacked_ratio')} if the vendor's data are like that."
            )
        yield block


def _read(name: str, stream: IO[bytes], kind: str) -> bytes:
    try:
        return stream.read(BLOCK)
    except Exception as error:  # each library has its own, and none of them is ours
        if isinstance(error, Refused):
            raise
        raise damaged(name, kind, error) from None


def damaged(name: str, kind: str, error: BaseException) -> Refused:
    """The refusal of a wrapper that cannot be opened."""
    told = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return Refused(f"{name}: the {kind} is damaged or cut off ({told}). Ask the vendor for a whole one.")


def _zst(file: IO[bytes]) -> IO[bytes]:
    import zstandard

    return _Zst(zstandard.ZstdDecompressor(max_window_size=WINDOW), file)  # type: ignore[return-value]


class _Zst:
    """zst frames one after another; its own reader takes a cut frame for a whole one."""

    def __init__(self, decompressor: Any, file: IO[bytes]) -> None:
        self.decompressor, self.file = decompressor, file
        self.frame: Any = None
        self.held = b""

    def read(self, size: int) -> bytes:
        """About `size` bytes, b"" at the end."""
        while True:
            data = self.held or self.file.read(PIECE)
            self.held = b""
            if not data:
                if self.frame is not None:
                    raise EOFError("the last frame is not complete")
                return b""
            self.frame = self.frame or self.decompressor.decompressobj(write_size=size)
            out: bytes = self.frame.decompress(data)
            if self.frame.eof:
                self.held, self.frame = self.frame.unused_data, None
            if out:
                return out


OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {
    "gz": lambda file: gzip.GzipFile(fileobj=file, mode="rb"),
    "bz2": bz2.BZ2File,
    "zst": _zst,
}
