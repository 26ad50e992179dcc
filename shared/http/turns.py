"""Work that keeps a processor busy, one piece at a time.

All threads of a process share one interpreter. Each that computes takes its part of it from the others, and each that
waits for a lock holds a thread of the worker's small pool, so that in the end nobody is left to answer. Work that waits
here holds no thread, and work that is done here gives way sooner.
"""

import asyncio
import contextvars
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

GIVES_WAY = 0.0005
"""Seconds after which a thread that computes lets another one that wants to. Python's own are 5 ms: an answer that reads a
table comes back for the interpreter ten times and more, and would wait so long each time."""


async def in_turn[T](work: Callable[[], T]) -> T:
    """What `work` returns or raises; it runs in a thread, when all that came before it is done."""
    context = contextvars.copy_context()  # with which the worker tells whose log lines these are
    return await asyncio.get_running_loop().run_in_executor(_thread(), context.run, _giving_way, work)


def _giving_way[T](work: Callable[[], T]) -> T:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(GIVES_WAY)  # for all threads of the process, until this one is done
    try:
        return work()
    finally:
        sys.setswitchinterval(usual)


@lru_cache(maxsize=1)
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="in turn")
