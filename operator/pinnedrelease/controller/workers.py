"""Workers take keys from the queue and see to it that a failing key comes back later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from pinnedrelease.cluster.errors import ClusterError, Conflict, Unavailable
from pinnedrelease.controller.queue import WorkQueue
from pinnedrelease.controller.spans import Reconcile
from pinnedrelease.core import backoff
from pinnedrelease.reconcile.clock import Clock
from pinnedrelease.reconcile.gather import Key

log = logging.getLogger(__name__)


class Workers:
    """Runs passes. A failure of one key delays that key and no other."""

    def __init__(
        self,
        queue: WorkQueue,
        reconcile: Reconcile,
        clock: Clock,
        ended: Callable[[str, float], None] = lambda _result, _seconds: None,
    ) -> None:
        """``ended`` hears of each pass: how it ended, and after how many seconds.

        The words are success, requeue_after, error, and panic: an error that nobody had expected.
        """
        self._queue = queue
        self._reconcile = reconcile
        self._clock = clock
        self._ended = ended
        self._failures: dict[Key, int] = {}

    async def run(self) -> None:
        """One worker, for ever."""
        while True:
            key = await self._queue.take()
            try:
                await self._one_pass(key)
            finally:
                self._queue.done(key)
            # A pass that has nothing to read or write never waits: without this, ten thousand in
            # line would keep leases, watches and probes waiting for seconds.
            await asyncio.sleep(0)

    async def _one_pass(self, key: Key) -> None:
        begun_s, result = self._clock.monotonic_s(), "error"
        try:
            requeue_after_s = await self._reconcile(key)
        except* ClusterError as group:
            self._failed(key, _first(group))
        except* Exception:
            # P-6: no object may stop the others.
            result = "panic"
            log.exception("pass failed", extra={"pin": str(key)})
            self._failed(key, None)
        else:
            result = "success" if requeue_after_s is None else "requeue_after"
            self._failures.pop(key, None)
            if requeue_after_s is not None:
                self._queue.add_after(key, requeue_after_s)
        finally:
            self._ended(result, self._clock.monotonic_s() - begun_s)

    def _failed(self, key: Key, error: BaseException | None) -> None:
        failures = self._failures.get(key, 0) + 1
        self._failures[key] = failures
        at_least_s = 0.0
        if isinstance(error, Unavailable) and error.retry_after_s is not None:
            at_least_s = error.retry_after_s
        delay_s = backoff.delay_s(failures, self._clock.unit_random(), at_least_s=at_least_s)
        if error is not None:
            # Somebody was faster: that is what preconditions are for, and no reason to worry.
            level = logging.DEBUG if isinstance(error, Conflict) else logging.WARNING
            log.log(
                level,
                "pass ended early",
                extra={"pin": str(key), "error": str(error), "again_in_s": round(delay_s, 2)},
            )
        self._queue.add_after(key, delay_s)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first plain exception of a group; parallel reads raise groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
