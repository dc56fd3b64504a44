"""The embedded server, for real: there when somebody needs it, gone when nobody does, whoever was killed."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from warehouse import embedded
from warehouse.server.account import account_for, identity
from warehouse.server.place import SHARED, binaries

PROJECT = Path(__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="needs root, to have another account to drop to")
HOLD = """
import sys
from pathlib import Path
from warehouse import embedded
print(embedded.lease(Path(sys.argv[1]), linger=float(sys.argv[2])), flush=True)
sys.stdin.read()
"""


def until(what: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait until it is so; fail if it is not in time."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def data_of(home: Path) -> Path:
    """Where the data of a home is."""
    location = home / "postgres" / "location"
    return (SHARED / location.read_text() if location.exists() else home / "postgres") / "data"


def processes(home: Path) -> dict[int, str]:
    """Every process of a home's server and its supervisor: pid and command line."""
    found, data = {}, str(data_of(home))
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            supervises = b"warehouse.supervisor" in words and os.fsencode(home) in words
            if entry.name.isdigit() and (supervises or os.readlink(entry / "cwd").startswith(data)):
                found[int(entry.name)] = b" ".join(words).decode()
        except OSError:
            continue
    return found


def servers(home: Path) -> list[int]:
    return [pid for pid, command in processes(home).items() if "warehouse.supervisor" not in command]


def supervisor(home: Path) -> int:
    return int((home / "postgres" / "supervisor.lock").read_text())


def postmaster(home: Path) -> int:
    return int((data_of(home) / "postmaster.pid").read_text().split()[0])


def ask(url: str, query: str) -> str:
    with psycopg.connect(url, connect_timeout=5) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0])


def tell(url: str, statement: str) -> None:
    with psycopg.connect(url, connect_timeout=5) as connection:
        connection.execute(statement.encode())


def holder(home: Path, linger: float = 1.0) -> subprocess.Popen[str]:
    """Another process that leases the server and holds it until its standard input is closed."""
    command = [sys.executable, "-c", HOLD, str(home), str(linger)]
    return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def end(*held: subprocess.Popen[str]) -> None:
    for process in held:
        process.kill()
        process.communicate()


def clean_up(home: Path) -> None:
    """Stop the server and see that no process of it is left."""
    embedded.release(home)
    embedded.stop(home)
    until(lambda: not processes(home), 5)


@pytest.fixture(scope="module")
def lived_in() -> Iterator[Path]:
    """A home with data, in a folder that every account can pass through, as pytest's own is not."""
    with passable() as folder:
        url = embedded.lease(folder / "home", linger=1)
        tell(url, "create table t as select 1 as kept")
        clean_up(folder / "home")
        yield folder / "home"


@contextmanager
def passable() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sluice-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def home(lived_in: Path) -> Iterator[Path]:
    """The home with data; no server runs there."""
    yield lived_in
    clean_up(lived_in)


@pytest.fixture
def base() -> Iterator[Path]:
    """An empty folder that every account can pass through."""
    with passable() as folder:
        yield folder


@pytest.fixture
def new_home(base: Path) -> Iterator[Callable[..., Path]]:
    """Makes homes. Afterwards their servers are stopped, and nothing of them is left."""
    homes: list[Path] = []

    def make(below: Path = base) -> Path:
        homes.append(below / f"home-{len(homes)}")
        return homes[-1]

    yield make
    for home in homes:
        clean_up(home)
        if (home / "postgres" / "location").exists():
            shutil.rmtree(data_of(home).parent)


@pytest.fixture
def fresh(new_home: Callable[..., Path]) -> Path:
    """A home that is not there yet."""
    return new_home()


def test_first_lease_gives_a_server_that_answers(fresh: Path) -> None:
    url = embedded.lease(fresh, linger=1)
    assert ask(url, "select current_user || ' ' || current_database()") == "sluice sluice"
    assert ask(url, "show server_encoding") == "UTF8"
    assert ask(url, "show fsync") == "on"
    assert ask(url, "select '2024-03-01'::timestamptz::text") == "2024-03-01 00:00:00+00"
    assert ask(url, "select datlocale from pg_database where datname = 'sluice'") == "C.UTF-8"


def test_nobody_comes_in_without_the_password(home: Path) -> None:
    url = embedded.lease(home, linger=1)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace("sluice:", "sluice:x"))


def test_the_log_quotes_no_row(home: Path) -> None:
    url = embedded.lease(home, linger=1)
    tell(url, "create table people (email text primary key)")
    tell(url, "insert into people values ('ann@example.com')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        tell(url, "insert into people values ('ann@example.com')")
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        tell(url, "select 'ann@example.com'::int")
    log = (data_of(home).parent / "server.log").read_text()
    assert "ready to accept connections" in log
    assert "ann@" not in log


def test_second_lease_is_the_same_server(home: Path) -> None:
    url = embedded.lease(home, linger=1)
    begun = ask(url, "select pg_postmaster_start_time()")
    assert embedded.lease(home) == url
    other = holder(home)
    assert url_of(other) == url
    assert ask(url, "select pg_postmaster_start_time()") == begun
    end(other)


def test_two_processes_at_once_on_a_fresh_home_share_one_server(fresh: Path) -> None:
    both = [holder(fresh), holder(fresh)]
    first, second = (url_of(process) for process in both)
    assert first == second
    assert ask(first, "select 1") == "1"
    assert sum("-D" in command for command in processes(fresh).values()) == 1
    end(*both)


def test_many_threads_lease_once(home: Path) -> None:
    urls: list[str] = []
    threads = [threading.Thread(target=lambda: urls.append(embedded.lease(home, linger=1))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(urls) == 8
    assert len(set(urls)) == 1


def test_killed_user_is_noticed_and_the_server_goes(home: Path) -> None:
    user = holder(home, linger=1)
    url_of(user)
    assert servers(home)
    end(user)
    until(lambda: not processes(home), 5)


def test_server_stays_while_anybody_uses_it(home: Path) -> None:
    first, second = holder(home, linger=0.1), holder(home, linger=0.1)
    url = url_of(first)
    url_of(second)
    end(first)
    time.sleep(0.8)
    assert ask(url, "select 1") == "1"
    end(second)
    until(lambda: not processes(home), 5)


def test_released_lease_lets_the_server_go(home: Path) -> None:
    embedded.lease(home, linger=0.1)
    embedded.release(home)
    until(lambda: not processes(home), 5)


def test_newcomer_while_the_server_stops_gets_a_server(home: Path) -> None:
    for round_ in range(12):
        url = embedded.lease(home, linger=0.0)
        assert ask(url, "select 1") == "1"
        embedded.release(home)
        time.sleep(0.02 * (round_ % 6))


def test_a_callers_pipe_is_not_held_open(home: Path) -> None:
    begun = time.monotonic()
    command = [sys.executable, "-c", HOLD, str(home), "30"]
    done = subprocess.run(command, cwd=PROJECT, input="", capture_output=True, text=True, check=True)
    assert time.monotonic() - begun < 15  # the server lingers on for 30
    assert ask(done.stdout.strip(), "select 1") == "1"


def test_killed_supervisor_takes_the_server_with_it(home: Path) -> None:
    url = embedded.lease(home, linger=1)
    os.kill(supervisor(home), signal.SIGKILL)
    until(lambda: not processes(home), 5)
    assert embedded.lease(home, linger=1) == url
    assert ask(url, "select kept from t") == "1"


def test_killed_postmaster_is_replaced_by_the_next_lease(home: Path) -> None:
    url = embedded.lease(home, linger=1)
    tell(url, "create table just_committed as select 2 as kept")
    old = postmaster(home)
    os.kill(old, signal.SIGKILL)
    until(lambda: old not in processes(home), 5)
    assert embedded.lease(home, linger=1) == url
    assert ask(url, "select kept from just_committed") == "2"


@pytest.mark.parametrize("victim", [supervisor, postmaster])
def test_lease_right_after_a_kill_gives_a_server(home: Path, victim: Callable[[Path], int]) -> None:
    url = embedded.lease(home, linger=1)
    for _ in range(4):
        os.kill(victim(home), signal.SIGKILL)
        assert embedded.lease(home, linger=1) == url
        assert ask(url, "select kept from t") == "1"


def test_lost_password_is_made_anew(home: Path) -> None:
    url = embedded.lease(home, linger=1)
    embedded.stop(home)
    (home / "postgres" / "password").unlink()
    other = embedded.lease(home, linger=1)
    assert other != url
    assert ask(other, "select kept from t") == "1"


def test_everything_killed_and_a_backend_still_busy(home: Path) -> None:
    url = embedded.lease(home, linger=1)
    with psycopg.connect(url) as busy:
        backend = busy.info.backend_pid
        lost = threading.Thread(target=_loses_its_server, args=(busy,))
        lost.start()
        until(lambda: ask(url, f"select state from pg_stat_activity where pid = {backend}") == "active")
        first, second = supervisor(home), postmaster(home)
        os.kill(second, signal.SIGSTOP)  # else the supervisor's end would still let it shut down well
        os.kill(first, signal.SIGKILL)
        os.kill(second, signal.SIGKILL)
        until(lambda: second not in processes(home), 5)
        assert backend in processes(home)
        assert embedded.lease(home, linger=1) == url
        assert backend not in processes(home)
        assert ask(url, "select kept from t") == "1"
        lost.join(5)


def _loses_its_server(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute("do $$ begin loop end loop; end $$")


def test_postmaster_without_a_supervisor_is_ended(home: Path) -> None:
    url = embedded.lease(home, linger=1)
    embedded.stop(home)
    account = account_for(home / "postgres")
    options = ["-c", "unix_socket_directories=", "-p", url.split(":")[-1].split("/")[0]]
    stray = subprocess.Popen(
        [binaries(account) / "postgres", "-D", data_of(home), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **identity(account),
    )
    until(lambda: (data_of(home) / "postmaster.pid").exists())
    assert embedded.lease(home, linger=1) == url
    assert stray.wait(5) == 0
    assert postmaster(home) != stray.pid
    assert ask(url, "select 1") == "1"


def test_pid_file_that_names_a_stranger_neither_harms_him_nor_stops_us(home: Path) -> None:
    url = embedded.lease(home, linger=1)
    embedded.stop(home)
    account = account_for(home / "postgres")
    stranger = subprocess.Popen(["sleep", "60"], **identity(account))
    (data_of(home) / "postmaster.pid").write_text(f"{stranger.pid}\n{data_of(home)}\n")
    assert embedded.lease(home, linger=1) == url
    assert ask(url, "select 1") == "1"
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_killed_in_the_middle_of_the_making(fresh: Path) -> None:
    user = holder(fresh)
    until(lambda: list((fresh / "postgres").glob("building-*/PG_VERSION")))
    os.kill(supervisor(fresh), signal.SIGKILL)
    end(user)
    url = embedded.lease(fresh, linger=1)
    assert ask(url, "select 1") == "1"
    assert not list((fresh / "postgres").glob("building-*"))


def test_stop_from_another_process(home: Path) -> None:
    url = embedded.lease(home, linger=1)
    code = "import sys, pathlib, warehouse.embedded as e; e.stop(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(home)], cwd=PROJECT, check=True)
    assert not processes(home)
    assert embedded.lease(home, linger=1) == url
    assert ask(url, "select 1") == "1"


def test_stop_of_what_does_not_run_is_nothing(fresh: Path) -> None:
    embedded.stop(fresh)
    assert not fresh.exists()
    embedded.lease(fresh, linger=1)
    embedded.stop(fresh)
    embedded.stop(fresh)


def test_one_that_is_used_is_left_alone(home: Path) -> None:
    used = holder(home)
    url = url_of(used)
    assert not embedded.stop_unused(home)
    assert ask(url, "select kept from t") == "1"
    end(used)
    assert embedded.stop_unused(home)
    assert not processes(home)


def test_taken_port_is_left_to_its_owner(home: Path) -> None:
    url = embedded.lease(home, linger=1)
    embedded.stop(home)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", int(url.split(":")[-1].split("/")[0])))
        taken.listen()
        other = embedded.lease(home, linger=1)
        assert other != url
        assert ask(other, "select 1") == "1"


def test_folders_are_private_and_the_ones_above_untouched(fresh: Path) -> None:
    above = [fresh.parent, fresh.parent.parent]
    fresh.mkdir(mode=0o750)
    fresh.chmod(0o751)
    before = [_access(folder) for folder in [fresh, *above]]
    embedded.lease(fresh, linger=1)
    for folder in (fresh / "postgres", data_of(fresh)):
        assert folder.stat().st_mode & 0o777 == 0o700
    password = (fresh / "postgres" / "password").stat()
    assert (password.st_mode & 0o777, password.st_uid) == (0o600, os.geteuid())
    assert [_access(folder) for folder in [fresh, *above]] == before


def _access(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return found.st_mode, found.st_uid, found.st_gid


def test_link_instead_of_the_folder_is_refused_and_not_followed(fresh: Path) -> None:
    target = fresh.parent / "target"
    target.mkdir(mode=0o755)
    fresh.mkdir()
    (fresh / "postgres").symlink_to(target)
    before = _access(target)
    with pytest.raises(embedded.EmbeddedError, match="is a link"):
        embedded.lease(fresh)
    assert (_access(target), list(target.iterdir())) == (before, [])
    (fresh / "postgres").unlink()


def test_two_homes_never_meet(home: Path, fresh: Path) -> None:
    one, two = home, fresh
    urls = [embedded.lease(one, linger=1), embedded.lease(two, linger=1)]
    assert urls[0] != urls[1]
    tell(urls[0], "create table mine ()")
    assert ask(urls[1], "select to_regclass('mine') is null") == "True"
    embedded.stop(one)
    assert ask(urls[1], "select 1") == "1"


def test_copied_home_has_a_server_of_its_own(home: Path, fresh: Path) -> None:
    url = embedded.lease(home, linger=1)
    shutil.copytree(home, fresh)
    for path in [fresh / "postgres", *(fresh / "postgres").rglob("*")]:
        os.chown(path, *_access(home / path.relative_to(fresh))[1:])
    other = embedded.lease(fresh, linger=1)
    assert other != url
    assert [ask(each, "select kept from t") for each in (url, other)] == ["1", "1"]


def test_deleted_home_takes_its_server_with_it(fresh: Path) -> None:
    embedded.lease(fresh, linger=30)
    found = processes(fresh)
    subprocess.run(["rm", "-rf", fresh], check=True)  # which bears that the server deletes, too
    until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in found), 10)
    assert ask(embedded.lease(fresh, linger=1), "select 1") == "1"


def test_lost_data_is_an_error_and_no_empty_database(fresh: Path) -> None:
    embedded.lease(fresh, linger=1)
    embedded.stop(fresh)
    shutil.rmtree(data_of(fresh))
    with pytest.raises(embedded.EmbeddedError, match=r"data of this home is gone.*remove"):
        embedded.lease(fresh, linger=1)


def test_server_that_cannot_start_says_why(fresh: Path) -> None:
    embedded.lease(fresh, linger=1)
    embedded.stop(fresh)
    (data_of(fresh) / "pg_hba.conf").write_text("nonsense\n")
    with pytest.raises(embedded.EmbeddedError, match=r"did not start.*server\.log(.|\n)*could not load .*pg_hba\.conf"):
        embedded.lease(fresh, linger=1)


@only_root
def test_root_runs_the_server_as_another_account(home: Path) -> None:
    embedded.lease(home, linger=1)
    status = Path(f"/proc/{postmaster(home)}/status").read_text().split("\n")
    ids = {line.split(":")[0]: set(line.split(":")[1].split()) for line in status if line[:3] in {"Uid", "Gid", "Gro"}}
    assert "0" not in ids["Uid"] | ids["Gid"] | ids["Groups"]


@pytest.fixture
def hidden(base: Path) -> Path:
    """A folder that only root can enter."""
    folder = base / "hidden"
    folder.mkdir(mode=0o700)
    return folder


@only_root
def test_home_that_the_account_cannot_reach(hidden: Path, new_home: Callable[..., Path]) -> None:
    home = new_home(hidden)
    url = embedded.lease(home, linger=1)
    tell(url, "create table t as select 1 as kept")
    embedded.stop(home)
    assert embedded.lease(home, linger=1) == url
    assert ask(url, "select kept from t") == "1"
    assert data_of(home).is_relative_to(SHARED)
    assert [path.stat().st_mode & 0o777 for path in (hidden, home / "postgres", SHARED)] == [
        0o700,
        0o700,
        0o711,
    ]
    assert data_of(home).parent.stat().st_mode & 0o777 == 0o700


@only_root
def test_copy_of_an_unreachable_home_is_refused(hidden: Path, new_home: Callable[..., Path]) -> None:
    home = new_home(hidden)
    url = embedded.lease(home, linger=1)
    shutil.copytree(home, hidden / "copy")
    with pytest.raises(embedded.EmbeddedError, match="is a copy of"):
        embedded.lease(hidden / "copy", linger=1)
    embedded.release(hidden / "copy")
    assert ask(url, "select 1") == "1"


@pytest.fixture
def copies() -> Iterator[None]:
    """Removes the copies of the binaries that the test made."""
    kept = set(SHARED.glob("pginstall-*"))
    yield
    for copy in set(SHARED.glob("pginstall-*")) - kept:
        shutil.rmtree(copy)


@only_root
@pytest.mark.usefixtures("copies")
def test_binaries_that_the_account_cannot_reach(hidden: Path, fresh: Path) -> None:
    wheel = binaries(None).parents[1]
    for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        shutil.copytree(part, hidden / part.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
    command = [sys.executable, "-c", HOLD, str(fresh), "1"]
    environment = {**os.environ, "PYTHONPATH": str(hidden)}
    done = subprocess.run(command, cwd=PROJECT, env=environment, input="", capture_output=True, text=True, check=True)
    tell(done.stdout.strip(), "create extension btree_gist")
    assert os.readlink(f"/proc/{postmaster(fresh)}/exe").startswith(str(SHARED))
    embedded.stop(fresh)


@only_root
def test_plain_user(base: Path, new_home: Callable[..., Path]) -> None:
    nobody = pwd.getpwnam("nobody")
    account: dict[str, Any] = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}
    python = _python_for(account)
    below = base / "theirs"
    below.mkdir(mode=0o700)
    os.chown(below, nobody.pw_uid, nobody.pw_gid)
    home = new_home(below)
    site = Path(psycopg.__file__).parents[1]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(PROJECT), str(site)])}
    command = [python, "-c", HOLD, str(home), "1"]

    def theirs() -> str:
        done = subprocess.run(command, env=environment, input="", capture_output=True, text=True, **account)
        assert not done.stderr
        return str(done.stdout).strip()

    url = theirs()
    assert ask(url, "select 1") == "1"
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in processes(home)}
    assert owners == {nobody.pw_uid}
    assert data_of(home).is_relative_to(home)
    until(lambda: not processes(home), 5)
    assert embedded.lease(home, linger=1) == url  # root may use it, too, and takes nothing away
    assert Path(f"/proc/{postmaster(home)}").stat().st_uid == nobody.pw_uid
    embedded.stop(home)
    assert theirs() == url


def _python_for(account: dict[str, Any]) -> str:
    """A Python that the account can run: ours may be below /root."""
    for python in (sys.executable, "/usr/bin/python3"):
        asked = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        try:
            if subprocess.run(asked, env={}, capture_output=True, **account).returncode == 0:
                return python
        except OSError:
            continue
    pytest.skip("no Python >= 3.11 that a plain user can run")
