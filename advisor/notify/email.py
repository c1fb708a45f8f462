"""E-mail over SMTP: plain text first, HTML beside it.

URL     smtp://user:password@host:587 upgrades with STARTTLS; smtps://user:password@host:465 is TLS at once.
Quirks  An upgrade that the server does not offer is an error, never a mail in the clear. A server on this
        machine may go without TLS where the URL says so: smtp://127.0.0.1:25?tls=no. A server may refuse some
        recipients and take the others; whoever has the mail is not sent it again by this process.
"""

import asyncio
import ipaddress
import smtplib
import socket
import ssl
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from urllib.parse import parse_qs, unquote, urlsplit

from advisor.core.message import Message
from advisor.errors import InputError
from advisor.notify.contract import Refused, TryAgain
from advisor.notify.html import html
from advisor.notify.text import subject, text

TIMEOUT = 20.0

#: Of so many messages we remember who has them already.
_REMEMBERED = 256

_KEY = "notify.email.smtp"
_FORM = "write it as smtps://user:password@host:465 or smtp://user:password@host:587"


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server as its URL names it. `tls` is "at once", "upgrade" or "no"."""

    host: str
    port: int
    tls: str
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> "Server":
        """Return the server that a URL names, or raise InputError with the way out."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # Its text would hold the password.
            raise InputError(f"this is no URL of a mail server; {_FORM}", key=_KEY) from None
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise InputError(f"this is no URL of a mail server; {_FORM}", key=_KEY)
        options = parse_qs(parts.query)
        if set(options) - {"tls"} or options.get("tls", ["no"]) != ["no"] or parts.path not in {"", "/"}:
            raise InputError(f"the only option of the mail server's URL is ?tls=no; {_FORM}", key=_KEY)
        tls = "at once" if parts.scheme == "smtps" else "upgrade"
        if "tls" in options:
            if tls == "at once" or not _is_loopback(parts.hostname):
                raise InputError("?tls=no is for smtp:// on this machine (127.0.0.1) alone", key=_KEY)
            tls = "no"
        usual = {"at once": 465, "upgrade": 587, "no": 25}[tls]
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname, port or usual, tls, user, password)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Email:
    """Sends to a list of recipients through one server.

    `context` is the TLS context where the system's certificates are not the right ones.
    """

    pace = 0.0

    def __init__(
        self,
        name: str = "email",
        *,
        smtp: str,
        sender: str,
        to: Sequence[str],
        context: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self.name = name
        self._server = Server.parse(smtp)
        self._sender = sender
        self._to = tuple(to)
        self._context = context
        self._timeout = timeout
        self._done: OrderedDict[str, set[str]] = OrderedDict()

    async def send(self, message: Message) -> None:
        """Send one message. Who got it on an earlier try of this process gets it once."""
        await asyncio.to_thread(self._send, message)

    def _send(self, message: Message) -> None:
        mail = compose(message, self._sender, self._to)
        done = self._done.setdefault(message.id, set())
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
        left = [recipient for recipient in self._to if recipient not in done]
        refused = self._deliver(mail, left)
        done.update(recipient for recipient in left if recipient not in refused)
        if refused:
            self._fail(refused, len(done))
        del self._done[message.id]

    def _deliver(self, mail: EmailMessage, recipients: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        """Return who was refused, with the server's answers."""
        at = f"the mail server {self._server.host}:{self._server.port}"
        try:
            smtp = self._connect()
            try:
                return smtp.send_message(mail, self._sender, list(recipients))
            finally:
                # The mail is taken by now: a bad goodbye must not send it again.
                with suppress(OSError, smtplib.SMTPException):
                    smtp.quit()
                smtp.close()
        except smtplib.SMTPRecipientsRefused as error:
            return error.recipients
        except smtplib.SMTPAuthenticationError as error:
            raise _verdict(
                error.smtp_code, f"{at} refused the user or the password", "correct them in the URL"
            ) from error
        except smtplib.SMTPResponseException as error:
            raise _verdict(error.smtp_code, f"{at} refused the message", "check `notify.email`") from error
        except smtplib.SMTPNotSupportedError as error:
            raise Refused(
                f"{at} cannot do what the URL asks for: {_needed(self._server)}; correct `{_KEY}`"
            ) from error
        except ssl.SSLCertVerificationError as error:
            raise TryAgain(
                f"{at} shows a certificate that is not valid for it ({error.verify_message}); "
                "correct the host's name or the certificate"
            ) from error
        except ssl.SSLError as error:
            raise TryAgain(
                f"{at} and we cannot agree on TLS; smtps:// is for port 465, smtp:// for port 587"
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            # The library hides a time-out while it reads behind "disconnected".
            if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
                raise TryAgain(f"{at} did not answer within {self._timeout:.0f} s") from error
            raise TryAgain(f"{at} cannot be reached ({_reason(error)}); check host and port") from error

    def _connect(self) -> smtplib.SMTP:
        """Return a session that is encrypted unless the URL says otherwise, and logged in."""
        server = self._server
        # The library would ask the DNS for our full name, which may take seconds where there is none.
        here = socket.gethostname()
        local = here if "." in here else "[127.0.0.1]"
        smtp: smtplib.SMTP
        if server.tls == "at once":
            smtp = smtplib.SMTP_SSL(
                server.host,
                server.port,
                local_hostname=local,
                timeout=self._timeout,
                context=self._context or ssl.create_default_context(),
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, local_hostname=local, timeout=self._timeout)
        try:
            if server.tls == "upgrade":
                smtp.starttls(context=self._context or ssl.create_default_context())
            if server.tls != "no":
                _require_encryption(smtp)
            if server.user:
                smtp.login(server.user, server.password)
        except BaseException:
            smtp.close()  # Whatever it was: no socket is left behind.
            raise
        return smtp

    def _fail(self, refused: dict[str, tuple[int, bytes]], delivered: int) -> None:
        who = ", ".join(f"{recipient} ({code})" for recipient, (code, _) in sorted(refused.items()))
        said = f"the mail server {self._server.host}:{self._server.port} refused {who}"
        if delivered:
            said += f"; {delivered} other{'s' if delivered > 1 else ''} got it"
        if any(code < 500 for code, _ in refused.values()):
            raise TryAgain(f"{said}; it may take it later")
        raise Refused(f"{said}; correct `notify.email.to`")


def compose(message: Message, sender: str, to: Sequence[str]) -> EmailMessage:
    """Return the mail: the same message makes the same Message-ID, a concern's mails make one thread."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = _line(subject(message))
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = f"<{message.id}@{domain}>"
    threads = [
        f"<concern-{sha256(f'{notice.stack}/{notice.concern}'.encode()).hexdigest()[:24]}@{domain}>"
        for notice in message.notices[:10]
    ]
    if threads and message.kind == "alert":
        mail["In-Reply-To"] = threads[0]
        mail["References"] = " ".join(dict.fromkeys(threads))
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Advisor-Message"] = message.id
    mail.set_content(text(message), cte="quoted-printable")
    mail.add_alternative(html(message), subtype="html", cte="quoted-printable")
    return mail


def _line(words: str) -> str:
    """Return one line: a line break in a name must not become a header."""
    return " ".join(words.split())[:200]


def _require_encryption(smtp: smtplib.SMTP) -> None:
    if not isinstance(smtp.sock, ssl.SSLSocket):
        raise smtplib.SMTPNotSupportedError("not encrypted")


def _verdict(code: int, said: str, way_out: str) -> TryAgain | Refused:
    if 400 <= code < 500:
        return TryAgain(f"{said} for now ({code})")
    return Refused(f"{said} ({code}); {way_out}")


def _needed(server: Server) -> str:
    return "STARTTLS" if server.tls == "upgrade" else "to log in"


def _reason(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return type(error).__name__
