import asyncio
import email
import email.policy
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from advisor.core.message import Digest, Event, Message, Notice
from advisor.core.notices import digest_message, group
from advisor.errors import InputError
from advisor.notify.contract import Refused, TryAgain
from advisor.notify.email import Email, Server, compose

SENDER = "Scaling Advisor <advisor@example.com>"
TO = ("ana@example.com", "ben@example.com")

Serve = Callable[..., Awaitable[int]]


class Mailbox:
    """A real SMTP server's handler: keeps what it takes, refuses whom it is told to."""

    def __init__(self) -> None:
        self.mails: list[tuple[tuple[str, ...], EmailMessage]] = []
        self.refuse: dict[str, str] = {}
        self.after_data = "250 taken"
        self.encrypted: list[bool] = []

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name.
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # As above.
        self.encrypted.append(
            session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None
        )
        if self.after_data.startswith("250"):
            mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append((tuple(envelope.rcpt_tos), mail))
        return self.after_data


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a key and a certificate for localhost, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    made = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost"),
    ]
    subprocess.run(made, check=True, capture_output=True)
    return key, cert


@pytest.fixture
def theirs(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])
    return context


@pytest.fixture
def ours(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate[1]))


def login(server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ana", b"p@ss/word")
    return AuthResult(success=good, handled=good)


@pytest.fixture
async def serve(mailbox: Mailbox) -> AsyncIterator[Serve]:
    """Start a server on a port of its own and return the port."""
    running: list[asyncio.Server] = []

    async def start(ssl_context: ssl.SSLContext | None = None, **options: Any) -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(mailbox, hostname="localhost", **options), "127.0.0.1", 0, ssl=ssl_context
        )
        running.append(server)
        return int(server.sockets[0].getsockname()[1])

    yield start
    for server in running:
        server.close()
        await server.wait_closed()


def plain(port: int, **changes: Any) -> Email:
    return Email(smtp=f"smtp://127.0.0.1:{port}?tls=no", sender=SENDER, to=changes.pop("to", TO), **changes)


async def test_a_mail_is_text_first_then_html_with_its_own_stable_id(
    serve: Serve, mailbox: Mailbox, message: Message
):
    await plain(await serve()).send(message)
    ((recipients, mail),) = mailbox.mails
    assert recipients == TO
    assert mail.get_content_type() == "multipart/alternative"
    first, second = mail.iter_parts()
    assert (first.get_content_type(), second.get_content_type()) == ("text/plain", "text/html")
    assert "Upgrade the database to Supabase Pro" in first.get_content()
    assert "Upgrade the database to Supabase Pro" in second.get_content()
    assert mail["Message-ID"] == f"<{message.id}@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == message.at
    assert mail["Subject"] == "shop/database: Storage is at 80 % of the free plan (warning)"


async def test_starttls_is_made_before_the_login_and_the_mail(
    serve: Serve,
    mailbox: Mailbox,
    message: Message,
    theirs: ssl.SSLContext,
    ours: ssl.SSLContext,
):
    port = await serve(tls_context=theirs, require_starttls=True, authenticator=login, auth_required=True)
    url = f"smtp://ana:p%40ss%2Fword@localhost:{port}"
    await Email(smtp=url, sender=SENDER, to=TO, context=ours).send(message)
    assert len(mailbox.mails) == 1
    assert mailbox.encrypted == [True]


async def test_tls_at_once(
    serve: Serve,
    mailbox: Mailbox,
    message: Message,
    theirs: ssl.SSLContext,
    ours: ssl.SSLContext,
):
    port = await serve(ssl_context=theirs)
    await Email(smtp=f"smtps://localhost:{port}", sender=SENDER, to=TO, context=ours).send(message)
    assert mailbox.encrypted == [True]


async def test_without_starttls_nothing_is_sent_in_the_clear(
    serve: Serve, mailbox: Mailbox, message: Message
):
    channel = Email(smtp=f"smtp://ana:s3cr3t@127.0.0.1:{await serve()}", sender=SENDER, to=TO)
    with pytest.raises(Refused, match="cannot do what the URL asks for: STARTTLS"):
        await channel.send(message)
    assert mailbox.mails == []


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(
    serve: Serve, mailbox: Mailbox, message: Message, theirs: ssl.SSLContext
):
    for url in (
        f"smtp://localhost:{await serve(tls_context=theirs)}",
        f"smtps://localhost:{await serve(ssl_context=theirs)}",
    ):
        with pytest.raises(TryAgain, match="shows a certificate that is not valid"):
            await Email(smtp=url, sender=SENDER, to=TO).send(message)
    assert mailbox.mails == []


async def test_a_certificate_of_another_host_is_not_accepted(
    serve: Serve, message: Message, theirs: ssl.SSLContext, ours: ssl.SSLContext
):
    channel = Email(
        smtp=f"smtps://127.0.0.1:{await serve(ssl_context=theirs)}", sender=SENDER, to=TO, context=ours
    )
    with pytest.raises(TryAgain, match="correct the host's name or the certificate"):
        await channel.send(message)


async def test_tls_against_a_plain_port_says_which_port_is_for_what(
    serve: Serve, message: Message, ours: ssl.SSLContext
):
    channel = Email(smtp=f"smtps://localhost:{await serve()}", sender=SENDER, to=TO, context=ours)
    with pytest.raises(TryAgain, match="smtps:// is for port 465, smtp:// for port 587"):
        await channel.send(message)


async def test_a_wrong_password_is_refused_and_not_repeated(
    serve: Serve, message: Message, theirs: ssl.SSLContext, ours: ssl.SSLContext
):
    port = await serve(tls_context=theirs, require_starttls=True, authenticator=login, auth_required=True)
    channel = Email(smtp=f"smtp://ana:s3cr3t@localhost:{port}", sender=SENDER, to=TO, context=ours)
    with pytest.raises(Refused, match=r"refused the user or the password \(535\)") as caught:
        await channel.send(message)
    assert "s3cr3t" not in str(caught.value)


async def test_a_server_that_is_busy_is_tried_again(serve: Serve, mailbox: Mailbox, message: Message):
    mailbox.after_data = "451 try later"
    with pytest.raises(TryAgain, match=r"refused the message for now \(451\)"):
        await plain(await serve()).send(message)


async def test_a_server_that_will_not_take_it_refuses(serve: Serve, mailbox: Mailbox, message: Message):
    mailbox.after_data = "554 spam"
    with pytest.raises(Refused, match=r"refused the message \(554\); check `notify.email`"):
        await plain(await serve()).send(message)


async def test_refused_recipients_are_named_and_the_others_have_the_mail(
    serve: Serve, mailbox: Mailbox, message: Message
):
    mailbox.refuse = {"ben@example.com": "550 unknown"}
    with pytest.raises(Refused, match=r"refused ben@example.com \(550\); 1 other got it"):
        await plain(await serve()).send(message)
    assert [recipients for recipients, _ in mailbox.mails] == [("ana@example.com",)]


async def test_who_has_the_mail_is_not_sent_it_again(serve: Serve, mailbox: Mailbox, message: Message):
    channel = plain(await serve())
    mailbox.refuse = {"ben@example.com": "450 greylisted"}
    with pytest.raises(TryAgain, match=r"refused ben@example.com \(450\)"):
        await channel.send(message)
    mailbox.refuse = {}
    await channel.send(message)
    assert [recipients for recipients, _ in mailbox.mails] == [("ana@example.com",), ("ben@example.com",)]


async def test_all_recipients_refused_is_a_refusal(serve: Serve, mailbox: Mailbox, message: Message):
    mailbox.refuse = dict.fromkeys(TO, "550 unknown")
    with pytest.raises(Refused, match=r"ana@example.com \(550\), ben@example.com \(550\); correct"):
        await plain(await serve()).send(message)


async def test_a_server_that_is_not_there_is_tried_again(message: Message):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(TryAgain, match=r"cannot be reached \(connection refused\)"):
            await plain(taken.getsockname()[1]).send(message)


async def test_a_server_that_does_not_answer_in_time_is_tried_again(message: Message):
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        pytest.raises(TryAgain, match="did not answer within"),
    ):
        await plain(mute.getsockname()[1], timeout=0.05).send(message)


def test_the_mails_of_one_concern_are_one_thread(notice: Notice):
    def mail_of(event: Event) -> EmailMessage:
        changed = notice.model_copy(update={"event": event})
        return compose(group([changed], ["email"], notice.at, lambda one: one.event)[0], SENDER, TO)

    fired, resolved = mail_of(Event.FIRED), mail_of(Event.RESOLVED)
    assert fired["Message-ID"] != resolved["Message-ID"]
    assert fired["References"] == resolved["References"]
    assert fired["In-Reply-To"] == resolved["In-Reply-To"]


def test_a_digest_begins_its_own_thread(digest: Digest):
    mail = compose(digest_message(digest, "email"), SENDER, TO)
    assert mail["In-Reply-To"] is None
    assert mail["Subject"] == "Scaling Advisor, weekly to 9 Nov 2026: 1 thing to do"


def test_a_line_break_in_a_name_makes_no_header(notice: Notice):
    evil = notice.model_copy(update={"title": "full\r\nBcc: eve@example.com"})
    mail = compose(group([evil], ["email"], notice.at, lambda one: one.concern)[0], SENDER, TO)
    assert mail["Bcc"] is None
    assert "full Bcc: eve@example.com" in mail["Subject"]


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://mail.example.com", Server("mail.example.com", 465, "at once")),
        ("smtp://mail.example.com", Server("mail.example.com", 587, "upgrade")),
        ("smtp://a%40b:p%3A@mail.example.com:25", Server("mail.example.com", 25, "upgrade", "a@b", "p:")),
        ("smtp://127.0.0.1?tls=no", Server("127.0.0.1", 25, "no")),
        ("smtp://localhost:2525?tls=no", Server("localhost", 2525, "no")),
    ],
)
def test_a_servers_url_says_how_it_is_encrypted(url: str, server: Server):
    assert Server.parse(url) == server


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mail.example.com", "this is no URL of a mail server"),
        ("https://mail.example.com", "this is no URL of a mail server"),
        ("smtp://u:s3cr3t@mail.example.com:port", "this is no URL of a mail server"),
        ("smtp://mail.example.com?tls=no", r"for smtp:// on this machine \(127.0.0.1\) alone"),
        ("smtps://127.0.0.1?tls=no", r"for smtp:// on this machine \(127.0.0.1\) alone"),
        ("smtp://mail.example.com?insecure=yes", r"the only option .* is \?tls=no"),
        ("smtp://127.0.0.1?tls=maybe", r"the only option .* is \?tls=no"),
    ],
)
def test_a_url_that_is_wrong_names_the_key_and_the_form(url: str, sentence: str):
    with pytest.raises(InputError, match=sentence) as caught:
        Server.parse(url)
    assert "s3cr3t" not in str(caught.value)
    assert str(caught.value).startswith("`notify.email.smtp`: ")


def test_a_password_is_not_in_the_text_form_of_a_server():
    assert "s3cr3t" not in repr(Server.parse("smtps://ana:s3cr3t@mail.example.com"))
