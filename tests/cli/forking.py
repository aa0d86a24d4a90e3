"""Command lines and their workers as forks of one process that has imported the libraries.

Importing them takes a process longer than all else that most of these tests do. `python forking.py SOCKET` serves: for
every connection a command line is forked. A worker, which the suite spawns, is forked too, but is told what to do as a
spawned one is and holds none of its parent's files.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import process
from contextlib import suppress
from itertools import pairwise
from multiprocessing import util
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = ("torch", "torch_fidelity", "diffusers", "segmentation_models_pytorch", "albumentations", "polars", "timm")


class Started:
    """A command line at work, with what tests use of Popen."""

    def __init__(self, server: Path, command: dict[str, Any], output: Path) -> None:
        """command: arguments, cwd and env. output: a directory for what it prints."""
        self._files = [output / name for name in ("stdout", "stderr")]
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(str(server))
        self._connection.sendall(json.dumps(command | {"files": list(map(str, self._files))}).encode() + b"\n")
        self._answers = self._connection.makefile()
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        self._wait(0.001)
        return self.returncode

    def communicate(self, timeout: float) -> tuple[str, str]:
        self._wait(timeout)
        if self.returncode is None:
            self.kill()
            raise subprocess.TimeoutExpired("pigbench", timeout, *(file.read_bytes() for file in self._files))
        out, err = (file.read_text() for file in self._files)
        return out, err

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _wait(self, seconds: float) -> None:
        if self.returncode is None:
            self._connection.settimeout(seconds)
            try:
                self.returncode = int(self._connection.recv(16))
            except TimeoutError:
                return


class Server:
    """The process that command lines are forked from."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "socket"
        self._process = subprocess.Popen([sys.executable, __file__, str(self.socket)])
        deadline = time.monotonic() + 120
        while not self.socket.exists():
            assert self._process.poll() is None and time.monotonic() < deadline, "the libraries cannot be imported"
            time.sleep(0.05)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def _serve(path: str) -> NoReturn:
    for library in LIBRARIES:
        __import__(library)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path + ".new")
        listening.listen()
        Path(path + ".new").rename(path)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those that wait for a command line are not waited for
        while True:
            connection, _ = listening.accept()
            if not os.fork():
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listening.close()
                _attend(connection)
            connection.close()


def _attend(connection: socket.socket) -> NoReturn:
    """Start a command line, tell its number, and later what it ended with."""
    command = json.loads(connection.makefile().readline())
    pid = os.fork()
    if not pid:
        connection.close()
        _command_line(command)
    connection.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _command_line(command: dict[str, Any]) -> NoReturn:
    os.chdir(command["cwd"])
    os.environ.clear()
    os.environ.update(command["env"])
    sys.path[:0] = command["env"].get("PYTHONPATH", "").split(os.pathsep)
    sys.argv[1:] = command["arguments"]
    for number, file in enumerate(command["files"], start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    util.spawnv_passfds = _fork_instead
    _leave_with(_main)


def _main() -> None:
    from pigbench.cli import main

    main()


def _fork_instead(path: bytes, arguments: list[str], descriptors: list[int]) -> int:
    """In the place of multiprocessing's function that starts an interpreter with a program and some open files."""
    if pid := os.fork():
        return pid
    atexit._clear()  # what the parent has to tidy up is not this one's
    atexit.register(util._exit_function)  # type: ignore[attr-defined]
    process._threads_wakeups.clear()  # type: ignore[attr-defined]
    kept = sorted({2, *descriptors, os.sysconf("SC_OPEN_MAX")})
    for one, following in pairwise(kept):
        os.closerange(one + 1, following)
    program = arguments.index("-c") + 1
    sys.argv[:] = ["-c", *arguments[program + 1 :]]
    _leave_with(lambda: exec(arguments[program], {}))


def _leave_with(work: Callable[[], object]) -> NoReturn:
    """Do the work as a program's last, and end as an interpreter would, without taking down what was imported."""
    code = 1
    try:
        work()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            util._exit_function()  # type: ignore[attr-defined]
        for stream in (sys.stdout, sys.stderr):
            with suppress(ValueError):  # closed
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
