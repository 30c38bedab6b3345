"""Do what does not depend on one another at the same time: threads, an order, and one error that is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter


@dataclass(frozen=True)
class Piece:
    """A piece of work by name. It comes after those in `after` (names that nobody has do not count), and never at the
    same time as another that `holds` the same; an empty `holds` is nothing."""

    name: str
    after: tuple[str, ...] = ()
    holds: str = ""


@dataclass(frozen=True)
class Watcher:
    """What is called when things go wrong. `failed(name, error, under_way)`: a piece failed, and those under way are
    waited for. `cut()`: the wait itself was ended, as by Ctrl-C; whatever is under way must be made to end."""

    failed: Callable[[str, BaseException, list[str]], None]
    cut: Callable[[], None]


def in_parallel(pieces: Sequence[Piece], work: Callable[[str], None], lanes: int, watcher: Watcher) -> None:
    """Call `work` with each name, at most `lanes` at a time, in the given order where several could begin. One lane is
    this very thread.

    When one raises, no other is begun, those under way are waited for, and the first error is raised. Raises
    graphlib.CycleError, before anything is begun, if pieces wait for each other.
    """
    names = [piece.name for piece in pieces]
    order = TopologicalSorter({one.name: [name for name in one.after if name in names] for one in pieces})
    order.prepare()
    if lanes == 1:
        ready: list[str] = []
        while order.is_active():
            ready = sorted([*ready, *order.get_ready()], key=names.index)
            work(ready[0])
            order.done(ready.pop(0))
        return
    with ThreadPoolExecutor(lanes, thread_name_prefix="servelab") as pool:
        try:
            _run(pieces, order, lambda name: pool.submit(work, name), lanes, watcher)
        except KeyboardInterrupt:
            watcher.cut()
            raise


def _run(
    pieces: Sequence[Piece],
    order: TopologicalSorter[str],
    begin: Callable[[str], Future[None]],
    lanes: int,
    watcher: Watcher,
) -> None:
    running: dict[Future[None], Piece] = {}
    ready: set[str] = set()
    trouble: BaseException | None = None
    while order.is_active():
        ready.update(order.get_ready())
        for piece in pieces:
            held = {other.holds for other in running.values()} - {""}
            free = len(running) < lanes and piece.holds not in held
            if piece.name in ready and free and trouble is None:
                ready.remove(piece.name)
                running[begin(piece.name)] = piece
        if not running:
            break
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            piece = running.pop(future)
            error = future.exception()
            if error is None:
                order.done(piece.name)
            else:
                watcher.failed(piece.name, error, [other.name for other in running.values()])
                trouble = trouble or error
    if trouble is not None:
        raise trouble
