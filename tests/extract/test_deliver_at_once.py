"""Several workers on one file, or on one day: one wins, and the database decides which."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from conftest import PROJECT, Sluice

HEADER = "Region,Code,Size,Note,Keeper\n"


def states(small: Sluice) -> list[tuple[Any, ...]]:
    """State and revision of each delivery, in the order of arrival."""
    return small.sql("select state, revision from ledger.deliveries order by delivery_id")


def test_threads_that_deliver_the_same_file_at_once(small: Sluice) -> None:
    path = small.file("things-2026-01-01.csv", HEADER + "north,a,1,,\n" * 1000)
    small.deliver("acme.things", small.file("things-2025-01-01.csv", HEADER + "north,a,0,,\n"))  # all is prepared
    with ThreadPoolExecutor(6) as threads:
        done = list(threads.map(lambda _: small.deliver("acme.things", path), range(6)))
    assert sorted(one.outcome for one in done) == ["again"] * 5 + ["new"]
    assert {one.delivery_id for one in done} == {2}
    small.run()
    assert small.account(2)["read"] == 1000
    assert small.value("select count(*) from ledger.deliveries") == 2


def test_processes_that_deliver_the_same_file_at_once(small: Sluice) -> None:
    path = small.file("things-2026-01-01.csv", HEADER + "north,a,1,,\n")
    command = [sys.executable, "-m", "flows.cli", "deliver", str(path), "--feed", "acme.things"]
    running = [
        subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    told = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], told
    assert sum("nothing new" in one for one in told) == 1, told
    assert states(small) == [("staged", 1)]


def test_other_content_comes_while_a_file_is_loaded(small: Sluice) -> None:
    """The later one wins, and neither sees an error of the database."""
    large = small.file("large/things-2026-01-01.csv", HEADER + "".join(f"north,{n},1,,\n" for n in range(300_000)))
    loading = threading.Thread(target=lambda: small.deliver("acme.things", large))
    loading.start()
    while not small.value("select count(*) from ledger.deliveries"):
        pass
    done = small.deliver("acme.things", small.file("things-2026-01-01.csv", HEADER + "north,a,2,,\n"))
    loading.join()
    assert (done.outcome, done.state) == ("new", "staged")
    assert states(small) == [("superseded", 1), ("staged", 2)]
