"""What takes too long is ended, and what does not is left alone."""

from __future__ import annotations

import signal
import threading

import pytest

from snippets.measure.limited import TooLong, limited


def test_a_loop_that_never_ends_is_ended() -> None:
    with pytest.raises(TooLong, match="it did not end within 0.05 s"):
        with limited(0.05):
            while True:
                pass


def test_afterwards_the_clock_and_the_handler_of_before_are_back() -> None:
    before, left = signal.getsignal(signal.SIGALRM), signal.setitimer(signal.ITIMER_REAL, 500)
    with limited(30):
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 30
    again = signal.setitimer(signal.ITIMER_REAL, *left)
    assert 400 < again[0] <= 500 and signal.getsignal(signal.SIGALRM) is before


def test_in_another_thread_nothing_can_be_ended_and_nothing_is_tried() -> None:
    found, before = [], signal.getitimer(signal.ITIMER_REAL)[0]

    def work() -> None:
        with limited(0.001):
            found.append(signal.getitimer(signal.ITIMER_REAL)[0])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [pytest.approx(before, abs=30)], "the clock that ran is another's"
