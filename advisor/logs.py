"""The advisor's own log and error reports; the one place that keeps credentials out of both.

By default the parts print them: HTTP clients their URLs, retries their arguments, tracebacks and error
reports the local variables. Here their loggers are raised, their hooks replaced, locals left out, and every
line and report goes through `redact` as the last step before it is written.

    line    JSON, or coloured on a terminal; to standard error
    report  to Sentry, when a DSN is given; with check-ins, so that a dead advisor is noticed
"""

import logging
import sys
import threading
from collections.abc import Callable, MutableMapping
from typing import Any, Literal, TextIO

from advisor.errors import InputError
from advisor.secrets import redact

# structlog imports rich, where it is installed, to colour tracebacks: 6 MiB. Ours are plain. With rich barred
# for this one import, it takes its own way for «not installed»; who draws tables imports rich later as ever.
_barred = "rich" not in sys.modules
if _barred:
    _modules: dict[str, Any] = sys.modules
    _modules["rich"] = None  # Python's own mark for a barred module.
try:
    import structlog
finally:
    if _barred:
        del sys.modules["rich"]

__all__ = ["check_in", "get_logger", "level", "sentry", "setup"]

get_logger = structlog.get_logger  #: Rooms take it from here, since here structlog is imported without rich.

#: Loggers that write URLs, headers or parameters below this level, and `uvicorn.access` that is only noise.
QUIET = (
    "httpx", "httpcore", "aiohttp", "urllib3", "slack_sdk", "sqlalchemy", "psycopg", "alembic", "apscheduler",
    "asyncio", "stamina", "uvicorn.access", "sentry_sdk", "markdown_it", "hpack", "charset_normalizer",
)  # fmt: skip

Processor = Callable[[Any, str, MutableMapping[str, Any]], Any]


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Takes credentials out of the whole line, whatever part of it they came in by."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to standard error; a line that cannot be formatted is named without its content."""

    advisors = True

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        kind = sys.exc_info()[0]
        name = kind.__name__ if kind is not None else "an error"
        try:
            self.stream.write(f'{{"level": "error", "event": "log line of {record.name} lost to {name}"}}\n')
        except (OSError, ValueError):
            return  # Standard error is gone; there is nowhere to say so.


def setup(level: str = "info", json: bool | None = None, *, stream: TextIO | None = None) -> None:
    """Route all logging through one handler; may be called again, the last call counts.

    `json` None means JSON unless `stream` (default: standard error) is a terminal.
    """
    stream = stream or sys.stderr
    terminal = stream.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        _without_colours,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor]
    if not terminal if json is None else json:
        # The plain traceback: structlog's structured one carries the local variables.
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        last = [
            structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=structlog.dev.plain_traceback)
        ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream)
    handler.setFormatter(
        _Formatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.captureWarnings(capture=True)
    _catch_the_uncaught()
    _quiet_retries()


def _without_colours(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out the web server's second, coloured wording of its lines."""
    event.pop("color_message", None)
    return event


def level(name: str) -> None:
    """Change the least that is logged, such as after a reload."""
    root = logging.getLogger()
    root.setLevel(name.upper())
    for quiet in QUIET:
        logging.getLogger(quiet).setLevel(max(logging.WARNING, root.level))


def _catch_the_uncaught() -> None:
    """Log what nobody caught; Python's own printer would not redact it."""
    log = structlog.stdlib.get_logger("advisor")

    def uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, None)
        else:
            log.critical("uncaught", exc_info=(kind, error, trace))

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    def unraisable(args: Any) -> None:
        log.error("unraisable", exc_info=(args.exc_type, args.exc_value, args.exc_traceback))

    sys.excepthook = uncaught
    threading.excepthook = in_thread
    sys.unraisablehook = unraisable


def _quiet_retries() -> None:
    """Log retries by name and cause; stamina's own hook writes all arguments."""
    from stamina.instrumentation import RetryDetails, set_on_retry_hooks  # Where it is used.

    log = structlog.stdlib.get_logger("advisor.retry")

    def retried(details: RetryDetails) -> None:
        log.info(
            "retry",
            of=details.name,
            number=details.retry_num,
            after=round(details.wait_for, 2),
            cause=type(details.caused_by).__name__,
        )

    set_on_retry_hooks([retried])


def sentry(dsn: str, release: str, environment: str, *, transport: Any = None) -> None:
    """Report our own errors to Sentry: no local variables, no request bodies, no arguments, all redacted.

    Raises:
        InputError: `dsn` is no DSN.
    """
    import sentry_sdk  # Only who has Sentry pays for it.
    from sentry_sdk.integrations.argv import ArgvIntegration
    from sentry_sdk.utils import BadDsn

    try:
        sentry_sdk.init(
            dsn=dsn,
            release=release,
            environment=environment,
            transport=transport,
            include_local_variables=False,
            include_source_context=False,
            send_default_pii=False,
            max_request_body_size="never",
            auto_enabling_integrations=False,
            disabled_integrations=[ArgvIntegration()],  # `once --postgres DSN` has one in its arguments.
            before_send=_scrubbed,
            before_breadcrumb=_scrubbed,
            before_send_transaction=_scrubbed,
        )
    except BadDsn:
        message = "is no DSN of Sentry; copy it from the project's settings (Client Keys)"
        raise InputError(message, key="sentry.dsn") from None


def check_in(monitor: str, status: Literal["ok", "error"], every: float) -> None:
    """Tell Sentry that a round went well or not; without one for twice `every` seconds it raises an alarm."""
    from sentry_sdk.crons import MonitorStatus, capture_checkin

    minutes = max(1, round(every / 60))
    capture_checkin(
        monitor_slug=monitor,
        status=MonitorStatus.OK if status == "ok" else MonitorStatus.ERROR,
        monitor_config={
            "schedule": {"type": "interval", "value": minutes, "unit": "minute"},
            "checkin_margin": minutes,
            "timezone": "UTC",
        },
    )


def _scrubbed(event: Any, _hint: Any) -> Any:
    """Return an event with every text in it redacted, keys included."""
    if isinstance(event, str):
        return redact(event)
    if isinstance(event, dict):
        return {_scrubbed(key, None): _scrubbed(value, None) for key, value in event.items()}
    if isinstance(event, list | tuple):
        return [_scrubbed(item, None) for item in event]
    return event
