"""Mail through SMTP. What goes wrong is told without addresses and credentials, for it is written to the ledger."""

import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import parse_qs, unquote, urlsplit

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from warehouse.errors import SluiceError

ATTEMPTS = 3
PATIENCE = 20  # seconds that a server has for an answer
PORTS = {"smtp": 25, "smtps": 465}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Server:
    """An SMTP server. `starttls`: auto (where offered), require, never."""

    host: str
    port: int
    implicit_tls: bool
    starttls: str
    user: str | None
    password: str | None

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port})"


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    content: bytes
    subtype: str


@dataclass(frozen=True)
class Outcome:
    """What came of sending: how often it was tried, and what was wrong at last, in words without an address."""

    attempts: int
    problem: str | None = None


def server(url: str) -> Server:
    """The server of an URL; SluiceError (without the URL: it holds a password) where it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
        starttls = parse_qs(parts.query).get("starttls", ["auto"])[0]
        if not parts.hostname or starttls not in ("auto", "require", "never"):
            raise ValueError
    except (ValueError, KeyError):
        raise SluiceError(
            "SLUICE_SMTP_URL is no SMTP server: write smtp://user:password@host:587, smtps://..., and, where it is to"
            " be said, ?starttls=require or ?starttls=never. (It is not repeated here: it holds a password.)"
        ) from None
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return Server(parts.hostname, port, parts.scheme == "smtps", starttls, user, password)


def message(
    sender: str, to: str, subject: str, text: str, html: str, attachments: tuple[Attachment, ...] = ()
) -> EmailMessage:
    """A mail to one address, as text and as HTML."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, " ".join(subject.split())
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=sender.rsplit("@", 1)[-1].strip(">") or None)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    mail.add_alternative(html, subtype="html")
    for file in attachments:
        mail.add_attachment(file.content, maintype="application", subtype=file.subtype, filename=file.name)
    return mail


def send(
    to: Server, mail: EmailMessage, *, attempts: int = ATTEMPTS, wait: Callable[..., float] | None = None
) -> Outcome:
    """Send a mail; what may pass (no connection, an answer that begins with 4) is tried again."""
    tries = Retrying(
        stop=stop_after_attempt(attempts),
        wait=wait or wait_exponential(multiplier=0.5, max=8),
        retry=retry_if_exception(_may_pass),
        reraise=True,
    )
    done = 0
    try:
        for attempt in tries:
            with attempt:
                done += 1
                _send(to, mail)
    except (OSError, smtplib.SMTPException, SluiceError) as error:
        return Outcome(done, _told(to, error))
    return Outcome(done)


def _send(to: Server, mail: EmailMessage) -> None:
    context = ssl.create_default_context()
    if to.implicit_tls:
        session: smtplib.SMTP = smtplib.SMTP_SSL(to.host, to.port, timeout=PATIENCE, context=context)
    else:
        session = smtplib.SMTP(to.host, to.port, timeout=PATIENCE)
    try:
        session.ehlo_or_helo_if_needed()
        encrypted = to.implicit_tls or _start_tls(to, session, context)
        if to.user:
            if not encrypted and to.host not in LOOPBACK and to.starttls != "never":
                raise SluiceError("it offers no encryption, and a password is not sent in the clear")
            _log_in(session, to.user, to.password or "")
        session.send_message(mail)
    finally:
        with suppress(OSError, smtplib.SMTPException):
            session.quit()


def _log_in(session: smtplib.SMTP, user: str, password: str) -> None:
    try:
        session.login(user, password)
    except smtplib.SMTPServerDisconnected:  # some hang up at a wrong password
        raise SluiceError("it hangs up at the login; look at SLUICE_SMTP_URL") from None


def _start_tls(to: Server, session: smtplib.SMTP, context: ssl.SSLContext) -> bool:
    if to.starttls == "never" or (to.starttls == "auto" and not session.has_extn("starttls")):
        return False
    session.starttls(context=context)
    session.ehlo()
    return True


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(400 <= code < 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return 400 <= error.smtp_code < 500
    return isinstance(error, OSError) and not isinstance(error, ssl.SSLCertVerificationError)


def _told(to: Server, error: Exception) -> str:
    """What was wrong, in our words: a server's own may repeat the address or the login."""
    where = f"the mail server {to.host}:{to.port}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"{where} refuses the address ({', '.join(str(code) for code, _ in error.recipients.values())})"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"{where} refuses the login ({error.smtp_code}); look at SLUICE_SMTP_URL"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{where} refuses the mail ({error.smtp_code})"
    if isinstance(error, SluiceError):
        return f"{where}: {error}"
    if isinstance(error, ssl.SSLError):
        return f"{where}: no encryption could be agreed on ({error.reason})"
    if isinstance(error, smtplib.SMTPException):
        return f"{where} does not speak as it should ({type(error).__name__})"
    return (
        f"{where} does not answer ({error.strerror or type(error).__name__})" if isinstance(error, OSError) else where
    )
