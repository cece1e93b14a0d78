"""A client that writes a header *name* which is not UTF-8, as a careless one in another language may.

`python misspelt_client.py BOOTSTRAP TOPIC PARTITION BEFORE BAD AFTER`: the last three are JSON files' contents.
aiokafka's own encoder refuses such a name in C; its pure Python one asks the name to encode itself.
"""

import asyncio
import os
import sys

os.environ["AIOKAFKA_NO_EXTENSIONS"] = "1"

from aiokafka import AIOKafkaProducer


class Misspelt(str):
    """A name that encodes to bytes which no UTF-8 decoder takes."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


async def main(bootstrap: str, topic: str, partition: int, values: list[str]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=200)
    await producer.start()
    before, bad, after = (value.encode() for value in values)
    sent = [
        await producer.send(topic, before, partition=partition),
        await producer.send(topic, bad, partition=partition, headers=[(Misspelt("x"), b"v")]),
        await producer.send(topic, after, partition=partition),
        await producer.send(topic, after.replace(b"-after", b"-elsewhere"), partition=partition + 1),
    ]
    await asyncio.gather(*sent)
    await producer.stop()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]))
