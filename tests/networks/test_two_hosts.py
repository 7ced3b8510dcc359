"""One search, from two hosts, on a real PostgreSQL server; one of the hosts is cut off and killed.

The hosts are two network namespaces of this machine: each has its own address and reaches nothing but the server. It
takes root and Debian's postgresql; elsewhere it is skipped. ``pytest -s`` prints the figure that notebook 10 gives.
"""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
import sqlalchemy

from utils.networks import tuning
from utils.paths import ROOT

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
TRIALS = 6

pytest.importorskip(
    "psycopg", reason="the driver for PostgreSQL is missing: pip install -r requirements-postgresql.txt"
)
pytestmark = pytest.mark.skipif(
    not (BINARIES and shutil.which("ip") and shutil.which("setpriv") and hasattr(os, "geteuid") and os.geteuid() == 0),
    reason="needs root, iproute2 and Debian's postgresql",
)

#: A worker that is gone is noticed after seconds here, not after a minute.
PROGRAM = """
import sys
from utils.networks import tuning
tuning.HEARTBEAT, tuning.GRACE = 1, 6
from utils.cli import main
sys.exit(main(sys.argv[1:]))
"""


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def wait(condition: Callable, seconds: float, message: str):
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, message
        time.sleep(0.3)
    return result


class Host:
    """A network namespace that reaches the server's machine, and nothing else."""

    def __init__(self, number: int, subnet: str):
        self.name, link = f"digits-{os.getpid()}-{number}", f"dg{os.getpid() % 100_000}-{number}"
        self.link, self.address, self.server = link, f"{subnet}.{number}.2", f"{subnet}.{number}.1"
        self.process: subprocess.Popen | None = None
        try:
            run("ip", "netns", "add", self.name)
            run("ip", "link", "add", link, "type", "veth", "peer", "name", "out", "netns", self.name)
            run("ip", "address", "add", f"{self.server}/30", "dev", link)
            run("ip", "link", "set", link, "up")
            run("ip", "-n", self.name, "address", "add", f"{self.address}/30", "dev", "out")
            run("ip", "-n", self.name, "link", "set", "out", "up")
            run("ip", "-n", self.name, "link", "set", "lo", "up")
        except subprocess.CalledProcessError as error:
            self.close()
            pytest.skip(f"no network namespaces here: {error.stderr.strip()}")

    def search(self, storage: str, folder: Path) -> None:
        """Type the command of notebook 10 on this host."""
        options = f"--trials {TRIALS} --images 1000 --epochs 2 --workers 1 --storage {storage}".split()
        self.log = open(folder / f"{self.name}.log", "w")  # noqa: SIM115 (closed in close)
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.name, sys.executable, "-c", PROGRAM, "tune", *options],
            cwd=ROOT, env=os.environ | {"MNIST_PATH": "sample"}, stdout=self.log, stderr=self.log,
            start_new_session=True,
        )  # fmt: skip

    def runs(self, process: int | None) -> bool:
        """Say whether a process is one of this host's."""
        try:
            return process is not None and os.getpgid(process) == self.process.pid
        except ProcessLookupError:
            return False

    def kill(self) -> None:
        """Pull the plug: the cable first, so that nobody says goodbye."""
        run("ip", "link", "set", self.link, "down")
        os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        if self.process:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)
            self.log.close()
        subprocess.run(["ip", "link", "delete", self.link], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "delete", self.name], capture_output=True, check=False)


@pytest.fixture
def server() -> Iterator[int]:
    """A PostgreSQL of its own, in a folder of its own, that two hosts may reach; its port."""
    folder = Path(tempfile.mkdtemp(prefix="digits-postgresql-"))
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    data, log = folder / "data", folder / "log"
    run(*as_user, str(BINARIES[-1] / "initdb"), "-D", str(data), "-U", "digits", "--auth=trust", "--no-sync")
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 10.0.0.0/8 trust\n")
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    options = f"-p {port} -c listen_addresses=* -k {folder} -c fsync=off"
    control = [*as_user, str(BINARIES[-1] / "pg_ctl"), "-D", str(data), "-l", str(log)]
    run(*control, "-w", "-o", options, "start")
    try:
        run(*as_user, str(BINARIES[-1] / "createdb"), "-h", str(folder), "-p", str(port), "-U", "digits", "digits")
        yield port
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], capture_output=True, check=False)
        shutil.rmtree(folder)


@pytest.fixture
def hosts() -> Iterator[list[Host]]:
    subnet = f"10.{os.getpid() % 200 + 20}"
    hosts: list[Host] = []
    try:
        for number in (1, 2):
            hosts.append(Host(number, subnet))
        yield hosts
    finally:
        for host in hosts:
            host.close()


def test_a_host_that_dies_loses_no_trial(server, hosts, tmp_path, capfd):
    """A class searches overnight on all its machines, one is switched off, and in the morning trials are missing."""
    first, second = hosts
    storage = "postgresql+psycopg://digits@{}:{}/digits"
    first.search(storage.format(first.server, server), tmp_path)

    def study() -> optuna.Study | None:
        try:
            return optuna.load_study(study_name="digits", storage=storage.format("127.0.0.1", server))
        except (KeyError, optuna.exceptions.StorageInternalError):
            return None  # it is not there yet

    watched = wait(study, 300, "the first host does not begin")  # one connection: the server has a hundred

    def trials(state: str) -> list:
        return [trial for trial in watched.get_trials() if trial.state.name == state]

    second.search(storage.format(second.server, server), tmp_path)

    def two_processes() -> bool:
        return len({trial.user_attrs.get("process") for trial in trials("RUNNING")} - {None}) == 2

    wait(two_processes, 300, "the two are never seen at work at once")

    def of_first(state: str) -> list:
        """Return the first host's trials that have been told all their settings: what they train with is known."""
        return [
            one for one in trials(state)
            if one.params.keys() == tuning.SPACE.keys() and first.runs(one.user_attrs.get("process"))
        ]  # fmt: skip

    def hold_in_a_trial() -> list:
        """Hold the first host; if it is not in the middle of a trial then, let it go on."""
        os.killpg(first.process.pid, signal.SIGSTOP)
        if under_way := of_first("COMPLETE") and len(trials("COMPLETE")) >= 2 and of_first("RUNNING"):
            return under_way
        os.killpg(first.process.pid, signal.SIGCONT)
        return []

    under_way = wait(hold_in_a_trial, 300, "the first host is never seen in a trial after another")
    first.kill()
    assert second.process.wait(600) == 0, (tmp_path / f"{second.name}.log").read_text()

    done, lost = trials("COMPLETE") + trials("PRUNED"), trials("FAIL")
    assert len(done) >= TRIALS, "as many as were asked for"
    assert not trials("RUNNING"), "none is left hanging"
    assert len(lost) == 1
    assert lost[0].number in {trial.number for trial in under_way}
    again = [trial for trial in done if trial.system_attrs.get("failed_trial") == lost[0].number]
    assert [trial.params for trial in again] == [lost[0].params], "its settings were tried again"
    by_host = [len(list(group)) for _, group in itertools.groupby(sorted(t.user_attrs["process"] for t in done))]
    assert len(by_host) == 2, "both have done a share"
    with capfd.disabled():
        print(f"\n{len(done)} trials by two hosts, {' and '.join(map(str, by_host))}; one of them was killed,")
        print("and the trial that it had under way was done again by the other.")


def test_what_a_dead_host_has_locked_is_free_again(server, monkeypatch):
    """A machine is switched off in the middle of a write, and the others wait for its lock until the next day."""
    monkeypatch.setattr(tuning, "GRACE", 2)
    storage = f"postgresql+psycopg://digits@127.0.0.1:{server}/digits"
    dead, alive = (tuning.open_study(storage)._storage._backend.engine.connect() for _ in range(2))
    with contextlib.closing(alive):
        lock = sqlalchemy.text("SELECT * FROM studies FOR UPDATE")
        dead.execute(lock)  # and it never says another word
        alive.execute(sqlalchemy.text("SET lock_timeout = '60s'"))
        assert len(alive.execute(lock).all()) == 1
    dead.invalidate()
