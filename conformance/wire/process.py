"""A program that answers lines with lines, and everything that can go wrong with it.

Each question has its own time limit. A program that ends, hangs, floods, answers half a line, another question or
something that is no JSON has lost that question only: it is ended, and started again for the next one.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fiducial.conformance.calling import TIME_LIMIT, Ended

PROTOCOL = 1
START = 120.0  # seconds for the first answer: large libraries load slowly
LINE = 2**28  # bytes of one answer
KEPT = 4000  # characters of what a program prints
STARTS = 3  # attempts in a row to start a program again
GRACE = 2.0  # seconds beyond the limit of one answer
PIPE = 2**16  # bytes that a pipe holds
QUICK = 5e-4  # seconds for which an answer is awaited without sleeping
TICK = 0.25  # seconds between two looks at the memory in use
_alive: set[Process] = set()
_step_aside: Callable[[], None] = getattr(os, "sched_yield", lambda: None)  # not every system has it


class Process:
    """One program, started when it is first asked. ``printed`` is the end of what it wrote to its error stream during
    the last question. ``memory`` limits what it holds, in bytes (where /proc tells), ``seconds`` one answer."""

    def __init__(self, command: Sequence[str], greeting: dict[str, Any], memory: float | None = None) -> None:
        self.command, self.greeting = list(command), greeting
        self.memory = memory or _half_of_the_memory()
        self.seconds, self.printed, self.number, self.failed = TIME_LIMIT, "", 0, 0
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = bytearray()
        self._looked = 0.0  # when memory was looked at

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The answer to a question. Raises Ended: ``timed_out``, or ``crashed`` for all else that is no answer."""
        if self._process is None:
            self.hello()
        # A program that has a time limit of its own can keep it.
        return self._asked({**question, "seconds": self.seconds}, self.seconds + GRACE)

    def hello(self) -> dict[str, Any]:
        """Starts the program and returns how it introduces itself. Raises Ended, or OSError where there is none."""
        if self.failed >= STARTS:
            raise Ended("crashed", f"the process could not be started {STARTS} times in a row")
        self.failed += 1
        self._start()
        found = self._asked({"do": "hello", "protocol": PROTOCOL, **self.greeting}, START)
        self.failed = 0
        return found

    def close(self) -> None:
        """Ends the program, and whatever it started."""
        process, self._process = self._process, None
        _alive.discard(self)
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        self._selector.close()
        for stream in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]

    def _start(self) -> None:
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            self.command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, start_new_session=True
        )
        assert process.stdin and process.stdout and process.stderr
        self._process, self._buffer = process, bytearray()
        self._selector = selectors.DefaultSelector()
        for stream in (process.stdin, process.stdout, process.stderr):
            os.set_blocking(stream.fileno(), False)
        self._selector.register(process.stdout, selectors.EVENT_READ)
        self._selector.register(process.stderr, selectors.EVENT_READ)
        _alive.add(self)

    def _asked(self, question: dict[str, Any], seconds: float) -> dict[str, Any]:
        self.number, self.printed = self.number + 1, ""
        try:
            line = self._exchanged({"id": self.number, **question}, seconds)
            return self._understood(line)
        except BaseException:  # an interrupt too: what it would answer later belongs to no question
            self.close()
            raise

    def _exchanged(self, question: dict[str, Any], seconds: float) -> bytes:
        """Writes a line and reads one."""
        if self._buffer:
            raise Ended("crashed", f"the process wrote more than it was asked for: {_shown(self._buffer)}")
        pending = memoryview(json.dumps(question, allow_nan=False).encode() + b"\n")
        deadline, seen = time.monotonic() + seconds, 0
        pending = self._written(pending)
        if pending:
            self._selector.register(self._process.stdin, selectors.EVENT_WRITE)  # type: ignore[union-attr, arg-type]
        else:
            self._awaited()
        while (end := self._buffer.find(b"\n", seen)) < 0:
            seen = len(self._buffer)
            if seen > LINE:
                raise Ended("crashed", f"the process wrote more than {LINE} bytes without an end of line")
            pending = self._step(pending, deadline, seconds)
        if pending:
            raise Ended("crashed", "the process answered before it had read the question")
        line, self._buffer = bytes(self._buffer[:end]), self._buffer[end + 1 :]
        self._read_errors()
        return line

    def _awaited(self) -> None:
        """Looks for a quick answer without sleeping: to be woken takes as long as a call of a thousand numbers."""
        output, until = self._process.stdout.fileno(), time.perf_counter() + QUICK  # type: ignore[union-attr]
        while time.perf_counter() < until:
            with contextlib.suppress(BlockingIOError):
                self._buffer += os.read(output, PIPE)
                return
            _step_aside()  # the program may have to share this processor

    def _step(self, pending: memoryview, deadline: float, seconds: float) -> memoryview:
        """Waits for the program to take or give something. Raises Fault when it is too late, or has ended."""
        assert self._process is not None
        for key, _ in self._selector.select(min(TICK, max(deadline - time.monotonic(), 0.0))):
            if key.fileobj is self._process.stdin:
                pending = self._written(pending)
                if not pending:
                    self._selector.unregister(self._process.stdin)
            elif key.fileobj is self._process.stderr:
                self._read_errors()
            elif not (more := os.read(key.fd, PIPE)):
                raise Ended("crashed", self._ended())
            else:
                self._buffer += more
        now = time.monotonic()
        if now > deadline:
            raise Ended("timed_out", f"took longer than {seconds - GRACE:g} s; see --timeout")
        if now > self._looked + TICK:
            self._watch_memory(now)
        return pending

    def _watch_memory(self, now: float) -> None:
        assert self._process is not None
        self._looked = now
        if (used := _resident(self._process.pid)) > self.memory:
            raise Ended("crashed", f"the process took {used / 2**30:.1f} GB of memory; at most "
                        f"{self.memory / 2**30:.1f} GB are allowed (--memory)")  # fmt: skip

    def _written(self, pending: memoryview) -> memoryview:
        try:
            return pending[os.write(self._process.stdin.fileno(), pending) :]  # type: ignore[union-attr]
        except BlockingIOError:
            return pending
        except BrokenPipeError:
            return pending[:0]  # it has ended: reading says how

    def _read_errors(self) -> None:
        with contextlib.suppress(BlockingIOError):
            more = os.read(self._process.stderr.fileno(), PIPE)  # type: ignore[union-attr]
            if not more:
                with contextlib.suppress(KeyError):
                    self._selector.unregister(self._process.stderr)  # type: ignore[union-attr, arg-type]
            self.printed = (self.printed + more.decode(errors="replace"))[-KEPT:]

    def _ended(self) -> str:
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        self._read_errors()
        code = self._process.returncode
        how = "closed its output" if code is None else f"ended with status {code}" if code >= 0 else _signal(-code)
        half = f" after half a line: {_shown(self._buffer)}" if self._buffer else ""
        return f"the process {how}{half}"

    def _understood(self, line: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            raise Ended("crashed", f"the process answered what is no JSON: {_shown(line)}") from None
        if not isinstance(answer, dict):
            raise Ended("crashed", f"the process answered no JSON object: {_shown(line)}")
        if answer.get("id") != self.number:
            raise Ended("crashed", f"the process answered id {answer.get('id')!r:.20}; {self.number} is required")
        return answer


def _signal(number: int) -> str:
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(number).name}"
    return f"was ended by signal {number}"


def _shown(text: bytes | bytearray) -> str:
    return repr(bytes(text[:60]).decode(errors="replace"))


def _resident(pid: int) -> float:
    """The memory that a process holds, in bytes; 0 where the system does not say."""
    try:
        return float(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError, IndexError):
        return 0.0


def _half_of_the_memory() -> float:
    try:
        return 0.5 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return float("inf")


@atexit.register
def _end_all() -> None:
    for process in list(_alive):
        process.close()
