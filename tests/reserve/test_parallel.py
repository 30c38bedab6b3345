"""What does not depend on one another is done at the same time, and one error is told."""

from __future__ import annotations

import threading
from graphlib import CycleError

import pytest

from reserve.parallel import Piece, Watcher, in_parallel

LIMIT_S = 20.0


class Told:
    """Keeps what the watcher is told."""

    def __init__(self) -> None:
        self.failed: list[tuple[str, str, list[str]]] = []
        self.cuts = 0
        self.event = threading.Event()

    def watcher(self) -> Watcher:
        def failed(name: str, error: BaseException, under_way: list[str]) -> None:
            self.failed.append((name, str(error), under_way))
            self.event.set()

        def cut() -> None:
            self.cuts += 1
            self.event.set()

        return Watcher(failed, cut)


def test_with_one_lane_pieces_are_done_in_order_in_this_thread() -> None:
    done: list[tuple[str, int]] = []
    pieces = [Piece("a"), Piece("b", after=("a",)), Piece("c"), Piece("d", after=("b", "not asked for"))]
    in_parallel(pieces, lambda name: done.append((name, threading.get_ident())), 1, Told().watcher())
    assert [name for name, _ in done] == ["a", "b", "c", "d"] and {who for _, who in done} == {threading.get_ident()}


def test_pieces_that_need_nothing_of_each_other_are_under_way_together() -> None:
    both = threading.Barrier(2)
    in_parallel([Piece("a"), Piece("b")], lambda name: void(both.wait(LIMIT_S)), 2, Told().watcher())


def void(_: object) -> None:
    """For what returns something that nobody wants."""


def test_a_piece_begins_when_all_that_it_needs_is_done() -> None:
    done: list[str] = []
    pieces = [Piece("last", after=("a", "b")), Piece("a"), Piece("b"), Piece("middle", after=("a",))]
    in_parallel(pieces, done.append, 4, Told().watcher())
    assert done.index("last") > max(done.index("a"), done.index("b")) and done.index("middle") > done.index("a")
    assert sorted(done) == ["a", "b", "last", "middle"]


def test_two_that_hold_the_same_are_never_under_way_together_and_lanes_are_no_more_than_asked_for() -> None:
    lock, under_way, most = threading.Lock(), set[str](), {"apt": 0, "all": 0}

    def work(name: str) -> None:
        with lock:
            under_way.add(name)
            most["apt"] = max(most["apt"], len([each for each in under_way if each.startswith("apt")]))
            most["all"] = max(most["all"], len(under_way))
        threading.Event().wait(0.002)
        with lock:
            under_way.discard(name)

    pieces = [Piece(f"apt{n}", holds="apt") for n in range(6)] + [Piece(f"free{n}") for n in range(6)]
    in_parallel(pieces, work, 3, Told().watcher())
    assert most["apt"] == 1 and 1 < most["all"] <= 3


def test_after_a_failure_nothing_is_begun_and_what_is_under_way_comes_to_its_end() -> None:
    told, begun, ended = Told(), list[str](), list[str]()
    both = threading.Barrier(2)

    def work(name: str) -> None:
        begun.append(name)
        if name in ("bad", "good"):
            both.wait(LIMIT_S)
        if name == "bad":
            raise ValueError("no")
        assert told.event.wait(LIMIT_S)  # until the failure is told
        ended.append(name)

    pieces = [Piece("bad"), Piece("good"), Piece("free", holds="x"), Piece("later", after=("good",))]
    with pytest.raises(ValueError, match="no"):
        in_parallel(pieces, work, 2, told.watcher())
    assert sorted(begun) == ["bad", "good"] and ended == ["good"]
    assert told.failed == [("bad", "no", ["good"])] and told.cuts == 0


def test_of_two_failures_the_first_is_raised_and_both_are_told() -> None:
    told = Told()

    def work(name: str) -> None:
        if name == "second":
            assert told.event.wait(LIMIT_S)
        raise ValueError(name)

    with pytest.raises(ValueError, match="first"):
        in_parallel([Piece("second"), Piece("first")], work, 2, told.watcher())
    assert [name for name, _, _ in told.failed] == ["first", "second"]


def test_ctrl_c_ends_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reserve.parallel.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        in_parallel([Piece("a"), Piece("b")], lambda name: void(told.event.wait(LIMIT_S)), 2, told.watcher())
    assert told.cuts == 1


@pytest.mark.parametrize("lanes", [1, 2])
def test_pieces_that_wait_for_each_other_are_a_mistake_and_nothing_is_begun(lanes: int) -> None:
    begun: list[str] = []
    with pytest.raises(CycleError):
        in_parallel([Piece("a"), Piece("b", ("c",)), Piece("c", ("b",))], begun.append, lanes, Told().watcher())
    assert begun == []
