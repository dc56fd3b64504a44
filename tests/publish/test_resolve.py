"""Registers are asked rarely and never twice, and never for anything personal."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from click.testing import CliRunner
from conftest import forget_settings
from workbench import things


class Register(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []
    answers: ClassVar[dict[str, int]] = {}

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(self.answers.get(self.path, 404))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def register():
    Register.asked, Register.answers = [], {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Register)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/r"
    server.shutdown()
    server.server_close()


def say(*arguments, fails=False):
    from flows.cli import main

    done = CliRunner().invoke(main, ["resolve", *arguments, "--per-second", "1000"])
    assert (done.exit_code != 0) is fails, done.output
    return " ".join(done.output.split())


def test_each_identifier_is_asked_for_once(small, register, monkeypatch):
    things(small, 1, "north,a/1,1,,", "north,b,2,,", "south,b,3,,", "south,c,4,,")
    small.run()
    assert "is off" in say("thing", "code", fails=True)
    assert Register.asked == []
    monkeypatch.setenv("SLUICE_RESOLVE", json.dumps({"thing.code": register, "thing.keeper": register}))
    forget_settings()
    assert "is personal (email)" in say("thing", "keeper", fails=True)
    Register.answers = {"/r/a/1": 302, "/r/c": 429}
    told = say("thing", "code")
    assert Register.asked == ["/r/a/1", "/r/b", "/r/c"]
    assert "3 asked, 1 found, 1 unknown, 0 known from before, 1 left" in told
    assert "patience" in told
    Register.answers["/r/c"] = 200
    assert "1 asked, 1 found, 0 unknown, 2 known from before, 0 left" in say("thing", "code")
    assert "0 asked" in say("thing", "code")
    kept = small.sql("select value, found, status from reference.resolutions order by 1")
    assert kept == [("a/1", True, 302), ("b", False, 404), ("c", True, 200)]


def test_a_register_that_is_down_is_left_alone_and_nothing_is_kept(small, register, monkeypatch):
    things(small, 1, *(f"north,{n},1,," for n in range(9)))
    small.run()
    Register.answers = {f"/r/{n}": 503 for n in range(9)}
    monkeypatch.setenv("SLUICE_RESOLVE", json.dumps({"thing.code": register}))
    forget_settings()
    assert "3 asked, 0 found" in say("thing", "code")
    assert small.sql("select * from reference.resolutions") == []
