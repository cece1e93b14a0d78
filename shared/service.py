"""A service as a process: settings, store, consumer, relay, loops and HTTP, started and stopped in order."""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import asyncpg
import structlog
import uvloop
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from fastapi import APIRouter, FastAPI, Response
from faststream import FastStream
from faststream.kafka import KafkaBroker
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse

from shared import clock, database, settings
from shared import logging as logs
from shared.access import Access
from shared.answers import describe_problems
from shared.bodies import Larger, limit_bodies
from shared.delivery import cluster, gauges, saying
from shared.delivery.consumer import Consumer, fetch_carefully
from shared.delivery.desk import Desk, Restate
from shared.delivery.fold import Fold
from shared.delivery.metrics import Metrics
from shared.delivery.posting import Poster
from shared.delivery.relay import Relay, Session
from shared.delivery.watch import Watch
from shared.logging import where
from shared.operations import operations_routes
from shared.sealing import Seal
from shared.settings import ServiceSettings
from shared.web import HttpServer, Shut, answer_problems, never

log = structlog.get_logger(__name__)

Configured = TypeVar("Configured", bound=ServiceSettings)

Routes = Callable[[Desk[Any, Any], Access], APIRouter]
Turn = Callable[[Desk[Any, Any]], Awaitable[float]]
"""One turn of a loop; gives the seconds until its next turn. What it raises is logged and tried again."""

LONGEST_DEAFNESS = 90.0
"""Seconds that a consumer may be deaf, though built anew meanwhile, before the process counts as dead."""


@dataclass(frozen=True)
class Parts:
    """What one service adds to the frame. `says`: the topics that it writes to; it waits for them at its start.

    `sealed`: topics whose dead letters carry identity.

    `bodies`: the paths of routes that take larger bodies than others, and how large.
    """

    fold: Fold[Any, Any]
    says: frozenset[str]
    routes: Sequence[Routes] = ()
    bodies: Mapping[str, Larger] = field(default_factory=dict)
    loops: Mapping[str, Turn] = field(default_factory=dict)
    seal: Seal | None = None
    sealed: frozenset[str] = frozenset()
    restate: Restate | None = None
    close: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True)
class Service(Generic[Configured]):
    """One of the hub's services: its name, its settings class, and how its parts are made from them."""

    name: str
    settings: type[Configured]
    open: Callable[[Configured], Parts]

    def run(self) -> None:
        """Run until SIGTERM or SIGINT, then leave in order."""
        configured = settings.read(self.settings)
        logs.configure(self.name, configured.log_level)
        gc.set_threshold(50_000, 20, 50)
        uvloop.run(_Process(self.name, configured, self.open(configured)).run())


def make_app(name: str, metrics: Metrics, overtaken: Callable[[], Awaitable[bool]] = never) -> FastAPI:
    """The HTTP side of a service before it has any door."""
    app = FastAPI(title=f"Simpul {name}", openapi_url="/openapi.json", docs_url="/docs", redoc_url=None)
    answer_problems(app, metrics, overtaken)
    describe_problems(app)
    return app


def open_doors(app: FastAPI, parts: Parts, desk: Desk[Any, Any], access: Access) -> None:
    """Every route by which a caller reaches the service's desk."""
    for routes in (operations_routes, *parts.routes):
        app.include_router(routes(desk, access))


class _Process:
    """One running replica."""

    def __init__(self, name: str, configured: ServiceSettings, parts: Parts) -> None:
        self._name = name
        self._settings = configured
        self._parts = parts
        self._metrics = Metrics()
        self._access = Access(configured.keys_file, configured.limits)
        self._draining = False
        self._waits_for: str | None = "its store"
        self._tasks: list[asyncio.Task[None]] = []
        self._desk: Desk[Any, Any] | None = None
        self._consumer: Consumer | None = None
        self._watch: Watch | None = None
        self._relay: Relay | None = None
        self._http = HttpServer(self._app(), configured.http_host, configured.http_port)
        self._broker = KafkaBroker(
            configured.brokers,
            client_id=name,
            request_timeout_ms=15_000,
            graceful_timeout=configured.drain_seconds * 0.6,
            consumer_only=True,
            allow_auto_create_topics=False,
            logger=logging.getLogger("simpul.kafka"),
        )

    async def run(self) -> None:
        """FastStream's lifecycle, with ours hung into its four hooks (KAFKA.md "Lifecycle")."""
        app = FastStream(
            self._broker,
            logger=logging.getLogger("simpul.kafka"),
            on_startup=[self._open],
            after_startup=[self._begin],
            on_shutdown=[self._stop_taking],
            after_shutdown=[self._close],
        )
        try:
            await app.run()
        finally:
            await self._http.stop()

    async def _open(self) -> None:
        """Before the broker: answer /live, wait for the store and for Kafka, whatever time they take."""
        await self._http.start()
        pool = await self._await_store()
        async with pool.acquire() as connection:
            await saying.make_months(connection, clock.now().date())
            epoch = await connection.fetchrow("SELECT epoch, raised_at FROM delivery.epoch")
        assert epoch is not None
        self._desk = desk = Desk(
            name=self._name,
            pool=pool,
            fold=self._parts.fold,
            epoch=epoch["epoch"],
            restored_at=epoch["raised_at"],
            metrics=self._metrics,
            seals=lambda topic: self._parts.seal if topic in self._parts.sealed else None,
            poster=Poster(self._settings.brokers, self._name),
            restate=self._parts.restate,
        )
        open_doors(self._http.app, self._parts, desk, self._access)
        self._relay = Relay(desk, self._settings.brokers, self._dedicated)
        self._consumer = Consumer(self._broker, desk, self._settings.replica)
        self._watch = Watch(
            desk,
            self._consumer,
            self._settings.brokers,
            self._settings.replica,
        )
        desk.keep_watermark = self._watch.keep_watermark
        await self._broker.connect()
        fetch_carefully(self._broker)
        self._waits_for = "Kafka"
        await self._await_kafka(desk)

    async def _begin(self) -> None:
        """After the broker: relay and loops."""
        assert self._relay is not None
        assert self._watch is not None
        self._waits_for = None
        self._tasks.append(asyncio.create_task(self._relay.run()))
        loops: dict[str, Turn] = {
            "watch": self._watch.turn,
            "free": lambda desk: desk.free_what_can_be(),
            "count": gauges.refresh,
            "again": lambda desk: desk.say_again_what_is_wanted(),
            "erase": lambda desk: desk.erase_what_came_back(),
            "cluster": self._leave_if_moved,
            **self._parts.loops,
        }
        self._tasks += [asyncio.create_task(self._turning(name, turn)) for name, turn in loops.items()]
        log.info(
            "up",
            replica=self._settings.replica,
            host=socket.gethostname(),
            hears=list(self._parts.fold.topics),
        )

    async def _stop_taking(self) -> None:
        """SIGTERM: not ready, no new commands; then FastStream finishes the batch and commits its offsets."""
        self._draining = True
        log.info("leaving")
        asyncio.get_running_loop().call_later(self._settings.drain_seconds, _give_up)
        if self._consumer is not None:
            self._consumer.leave()

    async def _close(self) -> None:
        """After the consumer: relay what is said, then let go of everything."""
        relay, desk = self._relay, self._desk
        if relay is not None:
            relay.leave()
        await self._http.stop()  # what is under way may still say something
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if relay is not None:
            drained = await relay.drain(self._settings.drain_seconds * 0.2)
            await relay.close()
            if drained is None:
                log.info("left", another_process_publishes=True)
            else:
                log.info("left", everything_published=drained)
        if self._watch is not None:
            await self._watch.close()
        if desk is not None:
            await desk.poster.close()
        if self._parts.close is not None:
            await self._parts.close()
        if desk is not None:
            try:
                async with asyncio.timeout(5):
                    await desk.pool.close()
            except TimeoutError:
                desk.pool.terminate()

    async def _await_store(self) -> database.Pool:
        pause = 0.2
        while True:
            try:
                pool = await database.open_pool(self._settings.store_address, self._name)
                async with pool.acquire() as connection:
                    missing = await database.unapplied(connection, self._name)
                if not missing:
                    return pool
                await pool.close()
                self._waits_for = f"migrations: {', '.join(missing)}"
            except database.AWAY as error:
                self._waits_for = f"its store ({type(error).__name__})"
            log.info("waiting", waits_for=self._waits_for)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    async def _await_kafka(self, desk: Desk[Any, Any]) -> None:
        pause = 0.2
        while True:
            admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.brokers, request_timeout_ms=5_000)
            try:
                async with asyncio.timeout(10):
                    await admin.start()
                    there = set(await admin.list_topics())
                    described = await admin.describe_cluster()
                missing = {*self._parts.fold.topics, *self._parts.says} - there
                foreign = await self._foreign(desk, described["cluster_id"])
                if not missing and not foreign:
                    return
                self._waits_for = foreign or f"topics: {', '.join(sorted(missing))}"
            except (KafkaError, *database.AWAY) as error:
                self._waits_for = f"Kafka ({type(error).__name__})"
            finally:
                await admin.close()
            log.info("waiting", waits_for=self._waits_for)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    async def _foreign(self, desk: Desk[Any, Any], found: str) -> str | None:
        """Whether the Kafka that answers is another hub's, in words; None where it is this store's own."""
        async with desk.pool.acquire() as connection:
            own = await cluster.adopt(connection, found)
        return own and f"its own Kafka (cluster {own}); the one that answers is {found}"

    async def _leave_if_moved(self, desk: Desk[Any, Any]) -> float:
        """An operator bound the store to another Kafka: leave, and be started anew by whoever runs this."""
        async with desk.read() as connection:
            moved = await cluster.has_moved(connection)
        if not moved:
            return 2.0
        log.critical("the store belongs to another Kafka now; leaving, to begin anew with it")
        os.kill(os.getpid(), signal.SIGTERM)
        return LONGEST_DEAFNESS

    async def _dedicated(self) -> Session:
        connection: Session = await asyncpg.connect(
            self._settings.store_address,
            timeout=10,
            command_timeout=30,
            server_settings={"application_name": f"{self._name}-relay", "timezone": "UTC", "jit": "off"},
        )
        return connection

    async def _turning(self, name: str, turn: Turn) -> None:
        """Turn after turn; a turn that fails costs a pause, never the loop."""
        assert self._desk is not None
        pause = 0.5
        while True:
            try:
                await asyncio.sleep(await turn(self._desk))
                pause = 0.5
            except Exception as error:
                self._metrics.loop_failures.labels(name).inc()
                log.warning(
                    "turn failed", loop=name, error=type(error).__name__, at=where(error), pause=pause
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10.0)

    def _app(self) -> FastAPI:
        app = make_app(self._name, self._metrics, self._is_overtaken)

        app.add_middleware(Shut, while_=lambda: self._draining or self._desk is None)
        limit_bodies(app, self._access, self._parts.bodies, metrics=self._metrics)

        @app.get("/live", include_in_schema=False)
        async def live() -> JSONResponse:
            """Alive while the event loop runs and the consumer is not deaf; backing off and stopped are alive."""
            deaf = self._watch is not None and self._watch.deaf_for(clock.now()) > LONGEST_DEAFNESS
            return JSONResponse({"alive": not deaf}, 503 if deaf else 200)

        @app.get("/ready", include_in_schema=False)
        async def ready() -> JSONResponse:
            checks = await self._checks()
            keys = self._access.trouble()
            notes = {"keys": f"the file is not in force, an older version is: {keys}"} if keys else {}
            body = {"ready": not checks, "checks": checks, "notes": notes}
            return JSONResponse(body, 503 if checks else 200)

        @app.get("/metrics", include_in_schema=False)
        async def metrics() -> Response:
            self._metrics.keys_file.set(self._access.trouble() is not None)
            return Response(generate_latest(self._metrics.registry), media_type=CONTENT_TYPE_LATEST)

        return app

    async def _is_overtaken(self) -> bool:
        if self._desk is None:
            return False
        try:
            async with asyncio.timeout(2), self._desk.read() as connection:
                return await database.is_overtaken(connection, self._name)
        except database.AWAY:
            return False

    async def _checks(self) -> dict[str, str]:
        """What keeps this replica from being ready, by name; empty where nothing does."""
        wrong: dict[str, str] = {}
        if self._draining:
            wrong["draining"] = "it is leaving"
        if self._waits_for is not None:
            wrong["starting"] = f"it waits for {self._waits_for}"
            return wrong
        assert self._desk is not None
        assert self._consumer is not None
        assert self._watch is not None
        try:
            async with asyncio.timeout(2), self._desk.read() as connection:
                missing = await database.unapplied(connection, self._name)
                if missing:
                    wrong["migrations"] = f"not applied: {', '.join(missing)}"
                await self._parts.fold.city(connection)
        except (LookupError, ValueError) as unfit:
            wrong["city"] = str(unfit)
        except database.AWAY as error:
            wrong["store"] = f"it does not answer ({type(error).__name__})"
        wrong |= self._watch.complaints(clock.now())
        if self._consumer.backing_off is not None:
            wrong["consumer"] = self._consumer.backing_off
        return wrong


def _give_up() -> None:
    """The drain deadline: a client that hangs on a frozen broker holds us no longer. What is committed is safe."""
    log.error("left in haste: the drain deadline passed")
    os._exit(1)
