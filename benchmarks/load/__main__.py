"""Readers by the hundred while releases are published: 200 of the bulletin and 50 of the dashboard, through nginx as in `deploy/`.

Needs a data folder in which both editions are published (`make run`), and nginx. It is copied: nothing of it changes. All
traffic stays on loopback. The exit code is 0 when no answer was an error, 1 when one was, 2 when the benchmark could not be run.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import quote, urlencode

from rich.console import Console
from rich.table import Table
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from deploy.installing import BULLETIN, INTERNAL, Installation, installed
from pipelines.settings import EDITIONS, data_root
from tests.conftest import FENGQIAO

TWIN = ".twin"  # the same release again, sealed under another name
PATIENCE = 60.0  # seconds
COPIED = ("version", "ledger.sqlite", "maps")


@dataclass
class Answers:
    """Of one kind of readers: seconds of each answer, bytes, and errors by what was wrong."""

    seconds: list[float] = field(default_factory=list)
    size: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.load", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bulletin", type=int, default=200, help="readers of the bulletin (default 200)")
    parser.add_argument("--dashboard", type=int, default=50, help="readers of the dashboard (default 50)")
    parser.add_argument("--pages", type=int, default=8, help="pages that each of them reads (default 8)")
    parser.add_argument("--think", type=float, default=2.0, help="seconds between two pages, about (default 2)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if not all((data_root() / "releases" / edition / "current").exists() for edition in EDITIONS):
        print(f"In {data_root()} not both editions are published. Run `make run SERVE=0` first.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, installed(copied(Path(folder)), Path(folder)) as installation:
        read, seen, published = measured(installation, options)
    report({"bulletin": read, "dashboard": seen}, published, as_json=options.json)
    return int(bool(read.errors or seen.errors or published < 2))


def copied(folder: Path) -> Path:
    """What is served, beside a second release of each edition with the same contents; the bulletin is written anew."""
    data = folder / "data"
    data.mkdir()
    for name in COPIED:
        source = data_root() / name
        if source.is_dir():
            shutil.copytree(source, data / name)
        elif source.exists():
            shutil.copy(source, data / name)
    for edition in EDITIONS:
        source, target = data_root() / "releases" / edition, data / "releases" / edition
        release = os.readlink(source / "current")
        for name in (release, release + TWIN):
            shutil.copytree(source / release, target / name)
        (target / "current").symlink_to(release)
    audit = data_root() / "releases" / "audits" / f"{os.readlink(data_root() / 'releases' / 'public' / 'current')}.json"
    (data / "releases" / "audits").mkdir()
    for name in (audit.stem, audit.stem + TWIN):
        shutil.copy(audit, data / "releases" / "audits" / f"{name}.json")
    fengqiao(data, "bulletin", "--edition", "public")
    return data


def fengqiao(data: Path, *words: str) -> None:
    environment = os.environ | {"FENGQIAO_DATA": str(data), "FENGQIAO_KEYS": "/nonexistent"}
    done = subprocess.run([FENGQIAO, *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"


def measured(installation: Installation, options: argparse.Namespace) -> tuple[Answers, Answers, int]:
    """What readers of both kinds got, and how often something was published while they read."""
    trusted = ssl.create_default_context(cafile=str(installation.certificate))
    trusted.check_hostname = False
    read, seen = Answers(), Answers()
    with publishing(installation.data) as published, ThreadPoolExecutor(options.bulletin) as readers:
        pages = addresses(installation.data)
        jobs = [
            readers.submit(read_bulletin, installation, trusted, pages, number, options, read)
            for number in range(options.bulletin)
        ]
        asyncio.run(see_dashboard(installation, trusted, options, seen))
        for job in jobs:
            job.result()
        moves = published[0]
    return read, seen, moves


@contextmanager
def publishing(data: Path) -> Iterator[list[int]]:
    """The other release of each edition is published meanwhile, again and again, and the bulletin written; how often."""
    over, made = threading.Event(), [0]
    release = {edition: os.readlink(data / "releases" / edition / "current") for edition in EDITIONS}

    def publish() -> None:
        while not over.is_set():
            for ending in (TWIN, ""):
                for edition in EDITIONS:
                    fengqiao(data, "publish", release[edition] + ending, "--edition", edition, "--early")
                    made[0] += 1
                fengqiao(data, "bulletin", "--edition", "public")
                if over.wait(1.0):
                    return

    worker = ThreadPoolExecutor(1)
    job = worker.submit(publish)
    try:
        yield made
    finally:
        over.set()
        job.result()
        worker.shutdown()


def addresses(data: Path) -> list[str]:
    """Pages of the bulletin as a reader who follows `latest` meets them, and files to download."""
    root = data / "documents" / "bulletin"
    found = sorted(
        path.relative_to(root) for path in (root / "latest").glob("**/*") if path.suffix in (".html", ".csv")
    )
    return ["/", *(f"/{quote(path.as_posix())}" for path in found)]


def read_bulletin(
    installation: Installation,
    trusted: ssl.SSLContext,
    pages: Sequence[str],
    number: int,
    options: argparse.Namespace,
    answers: Answers,
) -> None:
    draw = random.Random(number)
    connection = HTTPSConnection("127.0.0.1", installation.https, context=trusted, timeout=PATIENCE)
    headers = {"Host": f"{BULLETIN}:{installation.https}", "Accept-Encoding": "gzip"}
    for _ in range(options.pages):
        time.sleep(draw.uniform(0.5, 1.5) * options.think)
        began, page = time.perf_counter(), draw.choice(pages)
        try:
            connection.request("GET", page, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            answers.errors[type(error).__name__] += 1
            connection.close()
            continue
        answers.seconds.append(time.perf_counter() - began)
        answers.size += len(content)
        if answer.status != 200:
            answers.errors[f"{answer.status} {page}"] += 1


async def see_dashboard(
    installation: Installation, trusted: ssl.SSLContext, options: argparse.Namespace, answers: Answers
) -> None:
    async def reader(number: int) -> None:
        draw = random.Random(number)
        try:
            async with session(installation, trusted) as opened:
                for _ in range(options.pages):
                    await asyncio.sleep(draw.uniform(0.5, 1.5) * options.think)
                    area = draw.choice(AREAS)
                    async with asyncio.timeout(PATIENCE):
                        await run(opened, urlencode({"area": area, "lang": "zh"}), answers)
        except (OSError, WebSocketException, TimeoutError) as error:
            answers.errors[type(error).__name__] += 1

    await asyncio.gather(*map(reader, range(options.dashboard)))


AREAS = ("500000", "420500", "500117", "500118")


def session(installation: Installation, trusted: ssl.SSLContext) -> connect:
    return connect(
        f"wss://{INTERNAL}:{installation.https}/_stcore/stream",
        host="127.0.0.1",
        port=installation.https,
        ssl=trusted,
        origin=f"https://{INTERNAL}:{installation.https}",  # type: ignore[arg-type]
        subprotocols=["streamlit"],  # type: ignore[list-item]
        max_size=None,
        open_timeout=PATIENCE,
        ping_interval=None,
    )


async def run(reader: ClientConnection, query: str, answers: Answers) -> None:
    """One page: until its script has ended; an error that it shows counts."""
    message = BackMsg()
    message.rerun_script.query_string = query
    began = time.perf_counter()
    await reader.send(message.SerializeToString())
    while True:
        received = await reader.recv()
        assert isinstance(received, bytes)
        answers.size += len(received)
        told = ForwardMsg.FromString(received)
        if told.WhichOneof("type") == "delta" and told.delta.new_element.WhichOneof("type") == "exception":
            answers.errors[f"exception {told.delta.new_element.exception.type}"] += 1
        is_early = told.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
        if told.WhichOneof("type") == "script_finished" and not is_early:
            if told.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                answers.errors["the script did not end well"] += 1
            answers.seconds.append(time.perf_counter() - began)
            return


def report(found: dict[str, Answers], published: int, *, as_json: bool) -> None:
    told = {
        kind: {
            "answers": len(answers.seconds),
            "p50_seconds": round(answers.quantile(0.5), 3),
            "p95_seconds": round(answers.quantile(0.95), 3),
            "slowest_seconds": round(answers.quantile(1), 3),
            "megabytes": round(answers.size / 1e6, 1),
            "errors": dict(answers.errors),
        }
        for kind, answers in found.items()
    }
    if as_json:
        print(json.dumps({**told, "publications": published}, ensure_ascii=False))
        return
    table = Table("", *next(iter(told.values())))
    for kind, figures in told.items():
        table.add_row(kind, *(str(figure) for figure in figures.values()))
    console = Console()
    console.print(table)
    console.print(f"{published} publications meanwhile.")


if __name__ == "__main__":
    sys.exit(main())
