"""Ports that are lost: to another hub in the same moment, or while a killed store was away."""

import asyncio
import signal
import socket
from pathlib import Path

import pytest

from ops.prepare import prepare
from ops.stack.ports import HOST, is_free
from ops.stack.stack import Stack

pytestmark = [pytest.mark.flow, pytest.mark.own_hub]


async def test_where_kafka_had_to_move_the_services_are_told_its_new_address(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "state", usual_ports=False)
    try:
        await stack.start(["kafka", "postgres"])
        await prepare(stack)
        await stack.start(["intake"])
        was, before = stack.bootstrap, stack.processes.find("intake")
        stack.kill("kafka", signal.SIGKILL)
        assert await stack.processes.ended("kafka", 10)
        port = int(was.rpartition(":")[2])
        async with asyncio.timeout(10):
            while not is_free(port):  # noqa: ASYNC110 - its threads end one by one
                await asyncio.sleep(0.05)
        with socket.socket() as somebody_else:
            somebody_else.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            somebody_else.bind((HOST, port))
            somebody_else.listen()
            await stack.start(["kafka"])
            assert stack.bootstrap != was
            await stack.start(["intake"])
        assert stack.processes.find("intake") not in (None, before)
        assert stack.processes.environment("intake")["SIMPUL_KAFKA_BOOTSTRAP"] == stack.bootstrap
        now = stack.processes.find("intake")
        await stack.start(["kafka", "intake"])
        assert stack.processes.find("intake") == now
    finally:
        await stack.destroy()


async def test_two_hubs_that_choose_the_same_port_in_the_same_moment_have_each_their_own_kafka(
    tmp_path: Path,
) -> None:
    hubs = [Stack(tmp_path / name, usual_ports=False) for name in ("one", "other")]
    wish = {part: hubs[0].ports.choose(part, None) for part in ("kafka", "kafka-controller")}
    for hub in hubs:
        for part, port in wish.items():
            hub.ports.remember(part, port)
    try:
        await asyncio.gather(*(hub.start(["kafka"]) for hub in hubs))
        assert hubs[0].bootstrap != hubs[1].bootstrap
        for hub in hubs:
            assert hub.processes.listens("kafka", int(hub.bootstrap.rpartition(":")[2]))
    finally:
        for hub in hubs:
            await hub.destroy()
