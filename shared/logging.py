"""One JSON line per event on stdout, the same shape from every service and every library."""

import logging
import sys

import structlog


def configure(service: str, level: str) -> None:
    """Send structlog's and the standard library's records to stdout as JSON lines naming `service`.

    Tracebacks carry code positions, never values: an exception's text may quote a citizen, so of a foreign
    exception only the class is kept (`_without_words`).
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_words,
                _named(service),
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    handler.addFilter(_Sparse())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in (
        "uvicorn",
        "uvicorn.error",
        "uvicorn.access",
        "aiokafka",
        "httpx",
        "httpcore",
        "simpul.kafka",
    ):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class _Sparse(logging.Filter):
    """Lets a client library say the same thing once in ten seconds: while it retries it says it ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(("aiokafka", "asyncpg")):
            return True
        words = f"{record.name} {record.msg}"
        if record.created - self._last.get(words, 0.0) < 10.0:
            return False
        self._last[words] = record.created
        return True


def _named(service: str) -> structlog.typing.Processor:
    def add(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {"service": service, **line}

    return add


def _without_words(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Replace `exc_info` by the class of the exception and where it was raised."""
    found = line.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    if isinstance(found, tuple):
        found = found[1]
    if line.get("logger") == "asyncio":
        line["event"] = str(line["event"]).partition("\n")[0]  # the rest quotes the exception
    if isinstance(found, BaseException):
        line["error"] = type(found).__name__
        line["at"] = where(found)
    return line


def where(error: BaseException) -> list[str]:
    """The innermost code positions of an exception, `file:line function`, without values."""
    positions: list[str] = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        positions.append(f"{code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return positions[-6:]
