"""Readers without a browser: each speaks Streamlit's websocket, asks for a page and waits until its script has ended."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect


@dataclass(frozen=True)
class Answer:
    """One run of a page: seconds until its script had ended, bytes that came, the part that asked to be run again alone."""

    seconds: float
    size: int
    fragment: str = ""


def session(port: int) -> AbstractAsyncContextManager[ClientConnection]:
    """A reader's connection."""
    return connect(
        f"ws://127.0.0.1:{port}/_stcore/stream",
        subprotocols=["streamlit"],
        max_size=None,
        open_timeout=None,
        ping_interval=None,
    )  # type: ignore[list-item]


async def run(reader: ClientConnection, query: str, fragment: str = "") -> Answer:
    """Ask for the first page at an address, or for one part of it, and wait for the end of its script."""
    message = BackMsg()
    message.rerun_script.query_string = query
    message.rerun_script.fragment_id = fragment
    began, size = time.perf_counter(), 0
    await reader.send(message.SerializeToString())
    while True:
        received = await reader.recv()
        size += len(received)
        told = ForwardMsg.FromString(received if isinstance(received, bytes) else received.encode())
        fragment = told.auto_rerun.fragment_id or fragment
        is_early = told.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
        if told.WhichOneof("type") == "script_finished" and not is_early:
            return Answer(time.perf_counter() - began, size, fragment)


async def one_after_another(port: int, queries: list[str]) -> list[Answer]:
    """One reader, one page after the other, without a pause."""
    async with session(port) as reader:
        await run(reader, queries[0])
        return [await run(reader, query) for query in queries]


async def one_part(port: int, query: str, reruns: int) -> None:
    """One reader of a page that asks for a part of itself again and again."""
    async with session(port) as reader:
        fragment = (await run(reader, query)).fragment
        for _ in range(reruns):
            await run(reader, query, fragment)


async def thinking(port: int, queries: list[str], readers: int, pages: int, think: float) -> list[Answer]:
    """Many readers at once, each with a pause of about `think` seconds between two pages."""
    draw = random.Random(1)
    starts = [draw.uniform(0, think) for _ in range(readers)]
    pauses = [[draw.uniform(0.5 * think, 1.5 * think) for _ in range(pages)] for _ in range(readers)]

    async def read(place: int) -> list[Answer]:
        await asyncio.sleep(starts[place])
        async with session(port) as reader:
            answers = []
            for page, pause in enumerate(pauses[place]):
                answers.append(await run(reader, queries[(place + page) % len(queries)]))
                await asyncio.sleep(pause)
            return answers

    return [answer for answers in await asyncio.gather(*map(read, range(readers))) for answer in answers]


async def holding(port: int, queries: list[str], readers: int, look: Callable[[], Awaitable[None]]) -> None:
    """Open sessions, let each see a page, and look at the server while all are there."""
    opened = [await session(port).__aenter__() for _ in range(readers)]
    for place, reader in enumerate(opened):
        await run(reader, queries[place % len(queries)])
    await look()
    for reader in opened:
        await reader.close()
