"""A Spark cluster on this machine for as long as a `with` block lasts: a master, two workers, the Thrift server.

It listens on the loopback address only and asks for no password: whoever has an account on the machine could read what it
reads. A cluster of one's own has LDAP or Kerberos instead.
"""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from pipelines.settings import UserError

HOST = "127.0.0.1"
WORKERS = 2
SECONDS_TO_START = 300
SECONDS_TO_STOP = 30
FOREIGN = ("SPARK_", "HADOOP_", "HIVE_", "YARN_", "PYSPARK_")
# Of /proc/<process>/stat, what follows the name: proc(5).
SESSION_FIELD = 3
TIME_FIELDS = slice(11, 15)  # its own time and that of children that have ended, each in programs and in the system
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# What an executor says of its tasks, and the Thrift server of those that are lost.
TASK_BEGUN, TASK_ENDED = "Executor: Running task ", "Executor: Finished task "
TASK_LOST = "failed because while it was being computed, its executor exited"
SECONDS_BETWEEN_LOOKS = 0.05


@dataclass(frozen=True)
class Taken:
    """What processes took: bytes, their peaks added up, which is at least what was ever in use at once; processor time."""

    memory: int
    seconds: float


@dataclass(frozen=True)
class Cluster:
    """Where a running cluster answers, its folder, its processes, and what those took that were lost, by process."""

    port: int
    folder: Path
    daemons: tuple["Daemon", ...]
    lost: dict[int, Taken] = field(default_factory=dict)

    @property
    def tables(self) -> Path:
        """Where it writes tables: `<schema>.db/<table>/*.parquet`."""
        return _tables(self.folder)

    def lose_worker(self) -> None:
        """Kill the newest worker and its executor at once, as a machine that goes dark takes them away, while it has a task."""
        [*_, worker] = (daemon for daemon in self.daemons if daemon.name.startswith("worker-"))
        while worker.process.poll() is None and not _has_task(self.folder / worker.name):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        self.lost[worker.process.pid] = _taken_by({worker.process.pid})
        os.killpg(worker.process.pid, signal.SIGKILL)

    def tasks_lost(self) -> int:
        """How many tasks went with a worker and were done anew by another."""
        [thrift_server] = (daemon for daemon in self.daemons if daemon.name == "thrift-server")
        return thrift_server.log.read_text(encoding="utf-8").count(TASK_LOST)

    def taken(self) -> Taken:
        """What all processes took so far, executors and a lost worker included."""
        living = {daemon.process.pid for daemon in self.daemons} - self.lost.keys()
        taken = [_taken_by(living), *self.lost.values()]
        return Taken(sum(part.memory for part in taken), sum(part.seconds for part in taken))


class Daemon:
    """A process in a session of its own, whose output goes to a log and is watched for the line that says it is up."""

    def __init__(self, name: str, command: list[str], ready: str, folder: Path, environment: dict[str, str]) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        self._ready, self._settled, self._is_ready = ready, threading.Event(), False
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, start_new_session=True, text=True, errors="replace", **streams
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.log.open("w", encoding="utf-8", buffering=1) as log:
            for line in self.process.stdout:
                log.write(line)
                if self._ready in line:
                    self._is_ready = True
                    self._settled.set()
        self._settled.set()

    def wait_until_ready(self) -> None:
        """Raises `UserError`, with the end of the log, when the process ends or stays silent instead."""
        self._settled.wait(SECONDS_TO_START)
        if not self._is_ready:
            end = "\n".join(self.log.read_text(encoding="utf-8").splitlines()[-20:])
            raise UserError(f"Spark's {self.name} did not start. Its log ends:\n{end}")

    def stop(self) -> None:
        """End the process, and whatever is left of its session."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(SECONDS_TO_STOP)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()


def spark_home() -> Path:
    """Where Spark is installed. Raises `UserError` when it or Java is missing."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise UserError("Spark is not installed. Run `make test-spark`, which installs it.")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise UserError("Spark needs Java 17. Install openjdk-17-jre-headless.")
    return Path(spec.origin).parent


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A master, two workers of one core and 1 GB each, and the Thrift server; all they write lies in `folder`.

    Raises `UserError` when Java or Spark is missing, or when a process does not start.
    """
    spark, (master_port, thrift_port) = spark_home(), _free_ports(2)
    environment, master = _environment(spark, folder), f"spark://{HOST}:{master_port}"
    daemons: list[Daemon] = []
    with ExitStack() as stack:

        def start(name: str, ready: str, command: list[str]) -> None:
            daemons.append(Daemon(name, command, ready, folder, environment))
            stack.callback(daemons[-1].stop)

        start("master", "New state: ALIVE", _daemon(spark, "master.Master", "--port", str(master_port)))
        daemons[-1].wait_until_ready()
        for number in range(1, WORKERS + 1):
            room = ("--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"worker-{number}"))
            command = _daemon(spark, "worker.Worker", *room, master)
            start(f"worker-{number}", "Successfully registered with master", command)
        for daemon in daemons:
            daemon.wait_until_ready()
        thrift_server = _thrift_server(spark, master, thrift_port, folder)
        start("thrift-server", "HiveThriftServer2 started", thrift_server)
        daemons[-1].wait_until_ready()
        yield Cluster(thrift_port, folder, tuple(daemons))


def _tables(folder: Path) -> Path:
    return folder / "tables"


def _has_task(worker: Path) -> bool:
    """Whether an executor of the worker of this folder is at a task, by what it says."""
    logs = [log.read_text(encoding="utf-8", errors="replace") for log in worker.glob("app-*/*/stderr")]
    return any(log.count(TASK_BEGUN) > log.count(TASK_ENDED) for log in logs)


def _daemon(spark: Path, name: str, *options: str) -> list[str]:
    program = [str(spark / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}"]
    return [*program, "--host", HOST, "--webui-port", "0", *options]


def _thrift_server(spark: Path, master: str, port: int, folder: Path) -> list[str]:
    settings = {
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.driver.extraJavaOptions": f"-Djava.io.tmpdir={folder} -Dderby.system.home={folder}",
        "spark.executor.extraJavaOptions": f"-Djava.io.tmpdir={folder}",
        "spark.executor.memory": "1g",
        # Work begins when both workers are there, or it would all be done by the first.
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",
        # A few packed megabytes of Parquet are millions of rows, too many to send whole to workers of 1 GB.
        "spark.sql.autoBroadcastJoinThreshold": "1m",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.warehouse.dir": str(_tables(folder)),
        "spark.ui.enabled": "false",
    }
    hive = {
        "hive.server2.authentication": "NOSASL",
        "hive.server2.thrift.bind.host": HOST,
        "hive.server2.thrift.port": str(port),
        "hive.exec.scratchdir": str(folder / "scratch"),
    }
    program = [str(spark / "bin" / "spark-submit"), "--master", master]
    program += ["--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"]
    program += [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    return [
        *program,
        "spark-internal",
        *(word for name, value in hive.items() for word in ("--hiveconf", f"{name}={value}")),
    ]


def _environment(spark: Path, folder: Path) -> dict[str, str]:
    """This process's environment, without the settings of another cluster."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return environment | {
        "LC_ALL": "C.UTF-8",
        "SPARK_HOME": str(spark),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(folder / "shuffle"),
        "SPARK_DAEMON_MEMORY": "512m",
        "SPARK_DAEMON_JAVA_OPTS": f"-Djava.io.tmpdir={folder}",
    }


def _free_ports(many: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(many)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


def _taken_by(sessions: set[int]) -> Taken:
    memory, ticks = 0, 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            numbers = (process / "stat").read_text().rpartition(")")[2].split()
            if int(numbers[SESSION_FIELD]) in sessions:
                memory += _peak(process)
                ticks += sum(map(int, numbers[TIME_FIELDS]))
    return Taken(memory, ticks / TICKS_PER_SECOND)


def _peak(process: Path) -> int:
    lines = (process / "status").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
