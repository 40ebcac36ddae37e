"""An asyncio event loop without sockets, threads or waiting: its time jumps from one timer to the next.

Work belongs to processes (`Process`), told apart by context: what a dead process still had to do is never done. Work
for threads is done on the loop, a little later, in the order in which a thread would have come to it.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass
from random import Random
from typing import Any

OUTSIDE: contextvars.Context = contextvars.Context()  # of what no process does: the network, the judge
_HERE: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)
THREAD_S, SLOW_S, SLOW_SHARE = 0.001, 0.08, 0.1  # a thread's work takes about the first; a tenth of it up to the second


Dial = Callable[[Callable[[], asyncio.Protocol], str], Coroutine[Any, Any, Any]]
AGAIN_S = 0.005  # after which a thread that has to wait for somebody looks again


class Stalled(RuntimeError):
    """Nobody waits for any time, and the story is not over."""


class Blocked(Exception):
    """Raised by work in a thread that would have to wait for somebody; nothing was done, and it is done again soon."""


class Process:
    """Something that can be killed between any two steps. `fuse`: steps that it still makes before it dies."""

    def __init__(self, loop: VirtualLoop, name: str, killed: Callable[[], None]) -> None:
        self.name, self.alive, self.fuse = name, True, -1
        self.jobs: list[_Job] = []  # what its threads have not begun
        self._loop, self._killed = loop, killed
        self._context = contextvars.Context()
        self._context.run(_HERE.set, self)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._left: list[asyncio.Handle] = []  # what it would have done next
        self.stopped = self._buried = False
        self._stopped_s = self._until_s = self._stood_s = 0.0  # since when, until when, and how long in all before

    @staticmethod
    def here() -> Process:
        """Whose step this is."""
        process = _HERE.get()
        assert process is not None
        return process

    def context(self) -> contextvars.Context:
        """What is called within it is this process's."""
        return self._context.copy()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self._context.copy().run(self._loop.create_task, work)

    def within(self, work: Callable[[], Any]) -> Any:
        """Do it as this process would."""
        return self._context.copy().run(work)

    def kill(self) -> None:
        if self.alive:
            self.alive = False
            self._killed()

    def stop(self, seconds: float) -> None:
        """It does nothing for a while and does not know it, as when its machine is busy or it was sent SIGSTOP."""
        now_s = self._loop.time()
        self._stopped_s = self._stopped_s if self.stopped else now_s
        self.stopped, self._until_s = True, max(self._until_s, now_s + seconds)
        self._loop.call_later(seconds, self._go_on, context=OUTSIDE)

    @property
    def lived_s(self) -> float:
        """Virtual time, less that for which it stood still."""
        return (self._stopped_s if self.stopped else self._loop.time()) - self._stood_s

    def _go_on(self) -> None:
        if self._loop.time() < self._until_s:
            return  # it was stopped once more meanwhile, and for longer
        self._stood_s += self._loop.time() - self._stopped_s
        self.stopped = False
        if self.alive:
            self._loop.take_up(self._left)

    def owns(self, task: asyncio.Task[Any]) -> None:
        """Keep a task: what is forgotten would be closed, and a dead process closes nothing."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard, context=OUTSIDE)

    def may_run(self, handle: asyncio.Handle) -> bool:
        if self._buried:
            return True
        if self.alive and not self.stopped and self.fuse >= 0:
            self.fuse -= 1
            if self.fuse < 0:
                self.kill()
        runs = self.alive and not self.stopped
        if not runs:
            self._left.append(handle)
        return runs

    def bury(self) -> list[asyncio.Task[Any]]:
        """After the judgement: let everything end, so that nothing is left over. Its tasks, to be waited for."""
        self.alive, self._buried = False, True
        self._loop.take_up(self._left)
        for task in (tasks := list(self._tasks)):
            task.cancel()
        return tasks


@dataclass(eq=False, slots=True)
class _Job:
    """Work that a thread has been given."""

    work: Callable[[], Any]
    answer: asyncio.Future[Any]
    process: Process | None


class VirtualLoop(asyncio.BaseEventLoop):
    """`time()` is virtual. `surprises`: what nobody caught."""

    _ready: deque[asyncio.Handle]  # asyncio's own
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self._rng, self._now_s, self._numbers = rng, 0.0, 0
        self._busy_until: dict[Executor, float] = {}
        self._selector = _Nothing(self)
        self._clock_resolution = 1e-9  # seconds; asyncio takes timers due so soon for due
        self.surprises: list[str] = []
        self.dial: Dial | None = None  # set by a network
        self.set_task_factory(lambda loop, work, **more: _Task(work, loop=self, **more))
        self.set_exception_handler(lambda loop, told: self.surprises.append(_said(told)))

    def time(self) -> float:
        return self._now_s

    def jump(self) -> None:
        """Nothing is to be done now: go to the next timer. Raises Stalled."""
        if not self._scheduled:
            raise Stalled
        self._now_s = max(self._now_s, self._scheduled[0].when())

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def take_up(self, handles: list[asyncio.Handle]) -> None:
        self._ready.extend(handle for handle in handles if not handle.cancelled())
        handles.clear()

    # --- what asyncio's loop leaves to its kind

    def _process_events(self, event_list: Any) -> None:
        return

    def _write_to_self(self) -> None:
        return

    def _call_soon(self, callback: Any, args: Any, context: Any) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        timer = _Timer(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True  # as asyncio marks what stands in the heap
        return timer

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
        assert self.dial is not None
        return await self.dial(protocol_factory, host)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """A thread pool of one is a queue; the common pool has a thread for everybody."""
        job = _Job(lambda: func(*args), self.create_future(), _HERE.get())
        begins_s = max(self._now_s, self._busy_until.get(executor, 0.0)) if executor is not None else self._now_s
        done_s = begins_s + thread_s(self._rng)
        if executor is not None:
            self._busy_until[executor] = done_s
        if job.process is not None:
            job.process.jobs.append(job)
        self.call_at(done_s, self._do, job)
        return job.answer

    def _do(self, job: _Job) -> None:
        try:
            done = job.work()
        except Blocked:
            self.call_later(AGAIN_S, self._do, job)
            return
        except Exception as wrong:  # noqa: BLE001 - as a thread hands over whatever it was
            self.call_later(thread_s(self._rng), _answer, job.answer.set_exception, wrong, job.answer)
        else:
            self.call_later(thread_s(self._rng), _answer, job.answer.set_result, done, job.answer)
        if job.process is not None:
            job.process.jobs.remove(job)


def thread_s(rng: Random) -> float:
    """Seconds until a thread comes to its work, or its answer to the loop."""
    return rng.uniform(0.0, SLOW_S if rng.random() < SLOW_SHARE else THREAD_S)


def _answer(tell: Callable[[Any], None], what: Any, answer: asyncio.Future[Any]) -> None:
    if not answer.done():
        tell(what)


def _said(told: dict[str, Any]) -> str:
    wrong = told.get("exception")
    work = told.get("task") or told.get("future")
    return f"{told['message']}: {wrong!r} in {work!r}"


class _Nothing:
    """Where a real loop waits for sockets."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None or timeout > 0:
            self._loop.jump()
        return []


class _Task(asyncio.Task[Any]):
    """Numbered in order, so that a set of tasks has the same order in every run."""

    def __new__(cls, *args: Any, loop: VirtualLoop, **more: Any) -> _Task:
        task = super().__new__(cls)
        task.number = loop.next_number()
        return task

    number: int

    def __init__(self, work: Any, *, loop: VirtualLoop, **more: Any) -> None:
        super().__init__(work, loop=loop, **more)
        if (process := _HERE.get()) is not None:
            process.owns(self)

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


def _may_run(handle: asyncio.Handle) -> bool:
    process = handle._context.get(_HERE)  # type: ignore[attr-defined]
    return process is None or process.may_run(handle)


class _Handle(asyncio.Handle):
    def _run(self) -> None:
        if _may_run(self):
            super()._run()  # type: ignore[misc]


class _Timer(asyncio.TimerHandle):
    def _run(self) -> None:
        if _may_run(self):
            super()._run()  # type: ignore[misc]
