"""Run by test_logs.py in a process of its own: plants secrets everywhere and lets everything go wrong.

Standard error is the log; standard output is what would have gone to Sentry.
"""

import asyncio
import base64
import logging
import sys
import threading
import warnings
from pathlib import Path

import httpx
import stamina
import structlog
from collectors_for_tests import Everything
from sentry_sdk import flush
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from advisor import logs
from advisor.config import from_data, reveal_settings
from advisor.secrets import redact
from advisor.sources import Source

ENVIRON = {
    "DSN": "postgresql://app:canary-dsn@ss%2Fword@127.0.0.1:1/shop",
    "TOKEN": 'canary-token-"quoted"\\and/slashed',
    "WEBHOOK": "https://hooks.example.com/services/T0/B0/canary-webhook-key",
    "HEADER": "canary-header",
    "SMTP_PASSWORD": "canary smtp+p@ss/wörd",
    "URL_PASSWORD": "canary-url:p@ss",
    "QUERY": "canary query&key",
    "HEARTBEAT": "https://hb.example.com/ping?key=canary-heartbeat",
}


class Kept(Transport):
    """Prints what would be sent."""

    def capture_envelope(self, envelope: Envelope) -> None:
        sys.stdout.write(envelope.serialize().decode() + "\n")


class DriverError(Exception):
    """As a database driver words it, with the address in it."""


def main(form: str) -> None:
    logs.setup("debug", json=form == "json")
    logs.sentry("https://canarysentrykey@sentry.example.com/1", "0", "test", transport=Kept())
    config = from_data(
        {
            "stacks": {
                "shop": {
                    "services": {
                        "all": {
                            "provider": "everything",
                            "dsn": "${DSN}",
                            "token": "${TOKEN}",
                            "headers": {"X-Key": "Key ${HEADER}"},
                            "url": "https://me:${URL_PASSWORD}@127.0.0.1:1/usage?key=${QUERY}",
                            "written_out": "canary-literal",
                        }
                    }
                }
            },
            "notify": {
                "slack": {"webhook": "${WEBHOOK}"},
                "email": {"smtp": "smtps://me:${SMTP_PASSWORD}@mail:465", "from": "a@b", "to": "c@d"},
            },
            "heartbeat": "${HEARTBEAT}",
        },
        folder=Path(),
        environ=ENVIRON,
    )
    service = config.fleet().services[0]
    source: Source = config.sources(service, {"everything"})[0]
    settings = reveal_settings(source, Everything, ENVIRON)
    email = config.notify.email.smtp.reveal(ENVIRON)
    webhook = config.notify.slack.webhook.reveal(ENVIRON)
    heartbeat = config.heartbeat.reveal(ENVIRON)
    token = settings.token.get_secret_value()
    url = settings.url.get_secret_value()
    everything = {**ENVIRON, "url": url, "email": email, "literal": settings.written_out.get_secret_value()}
    basic = base64.b64encode(f"me:{ENVIRON['URL_PASSWORD']}".encode()).decode()

    log = structlog.stdlib.get_logger("advisor.test")
    log.info("bound", token=token, settings=settings, config=config, source=source, basic=basic)
    log.bind(**everything).warning("everything", nested=[everything, {"deep": (url, email)}])
    logging.getLogger("plain").error("failed for %s with %r", url, everything, extra={"dsn": ENVIRON["DSN"]})
    logging.getLogger("plain").error("too few arguments %s %s", token)  # noqa: PLE1206 - on purpose

    async def requests() -> None:
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}".replace('"', "")}) as client:
            for address in (url, webhook, heartbeat):
                try:
                    await client.get(address, timeout=0.2)
                except httpx.HTTPError:
                    logging.getLogger("plain").exception("poll failed: %s", address)
        answer = httpx.Response(403, request=httpx.Request("POST", webhook))
        try:
            answer.raise_for_status()
        except httpx.HTTPStatusError:
            log.exception("refused")
        # A task that nobody awaits, with a secret among its arguments.
        asyncio.get_running_loop().call_soon(explode, email)
        await asyncio.sleep(0)

    def explode(secret: str) -> None:
        raise DriverError(f"connection to {secret} failed")

    asyncio.run(requests())

    @stamina.retry(on=DriverError, attempts=2, wait_initial=0, wait_max=0, wait_jitter=0)
    def connect(dsn: str, *, password: str) -> None:
        raise DriverError(f'connection failed: password "{password}" at {dsn}')

    try:
        connect(ENVIRON["DSN"], password="canary-dsn@ss/word")
    except DriverError:
        logging.getLogger("plain").exception("no connection")

    warnings.warn(f"deprecated: {webhook}", stacklevel=1)
    thread = threading.Thread(target=explode, args=(ENVIRON["DSN"],))
    thread.start()
    thread.join()
    log.error("redacted twice", line=redact(str(everything)))
    flush()
    explode(str(everything))


if __name__ == "__main__":
    main(sys.argv[1])
