"""A budget of processor seconds."""

from reserve.plan.solve import effort as module
from reserve.plan.solve.effort import Effort


def test_a_busy_machine_gives_more_time_on_the_clock_for_the_same_work(monkeypatch) -> None:
    cpu, wall = [100.0], [1000.0]
    monkeypatch.setattr(module, "process_time", lambda: cpu[0])
    monkeypatch.setattr(module, "monotonic", lambda: wall[0])
    effort = Effort(10)
    cpu[0], wall[0] = 104.0, 1012.0  # a third of the machine
    assert (effort.spent(), effort.left(), effort.elapsed()) == (4, 6, 12)
    assert effort.wall(2) == 6
    wall[0] = 2000.0
    assert effort.wall(2) == 2 * module.MOST and effort.wall(0) == 0.5 * module.MOST
    cpu[0], wall[0] = 112.0, 1012.0
    assert effort.left() == -2 and effort.wall(3) == 3
