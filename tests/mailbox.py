"""A real SMTP server in a process of its own: it keeps what it is sent, and refuses what it is told to."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

SERVER = """
import asyncio, itertools, sys
from pathlib import Path
from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import AuthResult
folder, port, refusals, login = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(), sys.argv[4]
count = itertools.count()
class Keep:
    async def handle_DATA(self, server, session, envelope):
        if refusals:
            return refusals.pop(0) + " not now"
        (folder / f"{next(count):03}.to").write_text("\\n".join(envelope.rcpt_tos))
        (folder / f"{next(count):03}.eml").write_bytes(envelope.content)
        return "250 kept"
def check(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login + b":" + data.password).decode() == login, handled=False)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
options = {"authenticator": check, "auth_require_tls": False, "auth_required": True} if login else {}
UnthreadedController(Keep(), hostname="127.0.0.1", port=port, loop=loop, **options).begin()
loop.run_forever()
"""


class Mailbox:
    """What has arrived."""

    def __init__(self, folder: Path, port: int, login: str) -> None:
        self.folder = folder
        self.url = f"smtp://{login + '@' if login else ''}127.0.0.1:{port}"

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(f.read_bytes(), policy=policy.default) for f in sorted(self.folder.glob("*.eml"))]

    @property
    def recipients(self) -> list[str]:
        return [f.read_text() for f in sorted(self.folder.glob("*.to"))]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mailbox(folder: Path, *, refusals: str = "", login: str = "") -> Iterator[Mailbox]:
    """A server for a block. `refusals`: the codes that it answers the first mails with. `login`: user:password."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(folder), str(port), refusals, login])
    try:
        wait_for(port)
        yield Mailbox(folder, port, login)
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int) -> None:
    """Until something listens there."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")
