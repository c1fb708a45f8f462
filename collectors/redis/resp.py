"""A few commands to a Redis server over one connection: as much of its protocol as INFO needs."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from advisor.errors import InputError
from advisor.polling.contract import Forbidden, TokenRefused, Unexpected, Unreachable

__all__ = ["Address", "Denied", "ask", "refused"]

Value = str | list["Value"] | None

_LONGEST = 4 * 2**20  # Bytes of one answer; INFO has some ten thousand.
_MOST = 10_000  # Items of one answer.


class Denied(Exception):
    """The server refused this one command: its code, such as NOPERM. Its words may repeat ours."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and with what one signs in. `place` is what messages may hold."""

    host: str
    port: int
    tls: bool
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def place(self) -> str:
        """Host and port."""
        return f"Redis at {self.host}:{self.port}"

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Return what redis://user:password@host:6379 or rediss://... (TLS) says.

        Raises:
            InputError: It is none of these; the message repeats nothing of it.
        """
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port, parts = None, None, urlsplit("")
        if parts.scheme not in {"redis", "rediss"} or not host:
            raise InputError("it is no redis://user:password@host:6379 or rediss:// (TLS)", key="url")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(host, port or 6379, parts.scheme == "rediss", user, password)


async def ask(address: Address, commands: Sequence[Sequence[str]], patience: float) -> list[Value | Denied]:
    """Sign in and return the answers in turn; a command that is refused gives its Denied.

    `patience` (seconds) is for all of it. TLS is always verified.

    Raises:
        TokenRefused: User or password are wrong or missing.
        Unreachable: No connection, no TLS, no answer in time, the server starts or has no place for a client.
        Unexpected: What answers does not speak this protocol.
    """
    try:
        async with asyncio.timeout(patience):
            return await _ask(address, commands)
    except TimeoutError:
        raise Unreachable(
            f"{address.place} gave no answer within {patience:g} s; it is asked again"
        ) from None
    except ssl.SSLError:
        raise Unreachable(
            f"{address.place}: TLS failed; does it speak TLS, and is its certificate good?"
        ) from None
    except (EOFError, ConnectionError):
        raise Unreachable(
            f"{address.place} closed or refused the connection; does it run, with TLS?"
        ) from None
    except OSError as error:
        raise Unreachable(f"{address.place} cannot be reached ({error.strerror or 'no such name'})") from None


async def _ask(address: Address, commands: Sequence[Sequence[str]]) -> list[Value | Denied]:
    context = ssl.create_default_context() if address.tls else None
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context, limit=_LONGEST)
    try:
        if address.password:
            sign_in = ["AUTH", *([address.user] if address.user else []), address.password]
            answer = await _one(address, reader, writer, sign_in)
            if isinstance(answer, Denied):
                raise TokenRefused(f"{address.place}: user or password are refused ({answer})")
        return [await _one(address, reader, writer, command) for command in commands]
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _one(
    address: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: Sequence[str]
) -> Value | Denied:
    words = [word.encode() for word in command]
    sent = b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)])
    writer.write(sent)
    await writer.drain()
    try:
        return await _value(reader)
    except Denied as error:
        return _judged(address, error)
    except (ValueError, RecursionError):
        raise Unexpected(f"{address.place} does not speak Redis's protocol: check host and port") from None


def _judged(address: Address, error: Denied) -> Denied:
    code = str(error)
    if code in {"NOAUTH", "WRONGPASS", "DENIED"}:
        raise TokenRefused(f"{address.place} wants a user and password that are right ({code})")
    if code in {"LOADING", "MASTERDOWN", "BUSY"}:
        raise Unreachable(f"{address.place} is not ready ({code}); it is asked again")
    if code == "ERR max":
        raise Unreachable(
            f"{address.place} has as many clients as it may have: close some, or raise maxclients"
        )
    return error


async def _value(reader: asyncio.StreamReader, depth: int = 0) -> Value:
    line = await reader.readuntil(b"\r\n")
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        words = rest.decode("utf-8", "replace").split()
        code = " ".join(words[:2]) if words[:2] == ["ERR", "max"] else (words or ["ERR"])[0]
        raise Denied(code if code.replace(" ", "").isalpha() else "ERR")
    if kind in {b"+", b":"}:
        return rest.decode("utf-8", "replace")
    size = int(rest)
    if kind == b"$" and size <= _LONGEST:
        if size < 0:
            return None
        return (await reader.readexactly(size + 2))[:-2].decode("utf-8", "replace")
    if kind == b"*" and size <= _MOST and depth < 4:
        return [await _value(reader, depth + 1) for _ in range(size)]
    raise ValueError("no such kind")


def refused(address: Address, command: str, right: str) -> Forbidden:
    """Return the error for a command that this user may not give."""
    return Forbidden(f"{address.place}: the user may not give {command}; grant it `{right}`", right)
