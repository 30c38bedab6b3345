"""Free blocks of a calendar: whole hours, margins, no two leases back to back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reserve import hardware
from reserve.calendar import CHANGEOVER, Block, Calendar, Held, Interval, counted_calendar, free_slots, merge

DAY = datetime(2027, 3, 4, tzinfo=UTC)
GPU_BLOCK = Block(3, 10)


def hours(start: float, end: float) -> Interval:
    return Interval(DAY + timedelta(hours=start), DAY + timedelta(hours=end))


def test_a_block_starts_on_the_hour_and_ends_its_margin_before_one():
    slots = free_slots(Calendar("x", {"n1": ()}), GPU_BLOCK, DAY + timedelta(minutes=1), DAY + timedelta(hours=6))
    assert [slot.start.hour for slot in slots] == [1, 2, 3]
    assert all(slot.end - slot.start == timedelta(hours=2, minutes=50) for slot in slots)


def test_courses_leases_follow_each_other_without_a_lost_hour():
    taken = GPU_BLOCK.at(DAY)
    slots = free_slots(Calendar("x", {"n1": (taken,)}), GPU_BLOCK, DAY, DAY + timedelta(hours=8))
    assert slots[0].start == DAY + timedelta(hours=3)


def test_a_lease_that_would_begin_the_minute_another_ends_is_avoided():
    slots = free_slots(Calendar("x", {"n1": (hours(0, 2),)}), GPU_BLOCK, DAY, DAY + timedelta(hours=8))
    assert slots[0].start == DAY + timedelta(hours=3)


def test_a_lease_that_would_end_the_minute_another_begins_is_avoided():
    busy = hours(2 + 50 / 60, 4)
    assert not Calendar("x", {"n1": (busy,)}).is_free("n1", GPU_BLOCK.at(DAY))


def test_a_node_is_free_as_soon_as_the_changeover_is_over_and_no_sooner():
    wanted, moment = GPU_BLOCK.at(DAY + timedelta(hours=5)), timedelta(microseconds=1)

    def free(start: datetime, end: datetime) -> bool:
        return Calendar("x", {"n1": (Interval(start, end),)}).is_free("n1", wanted)

    assert free(DAY, wanted.start - CHANGEOVER) and not free(DAY, wanted.start - CHANGEOVER + moment)
    later = wanted.end + timedelta(hours=9)
    assert free(wanted.end + CHANGEOVER, later) and not free(wanted.end + CHANGEOVER - moment, later)


def test_a_slot_names_every_free_node_and_a_named_node_counts_alone():
    calendar = Calendar("x", {"a": (hours(0, 24),), "b": ()})
    assert free_slots(calendar, GPU_BLOCK, DAY, DAY + timedelta(hours=3))[0].nodes == ("b",)
    assert free_slots(calendar, GPU_BLOCK, DAY, DAY + timedelta(hours=24), node="a") == []
    with pytest.raises(KeyError):
        free_slots(calendar, GPU_BLOCK, DAY, DAY + timedelta(hours=24), node="c")


def test_a_calendar_survives_json():
    calendar = Calendar("x", {"a": (hours(0, 2), hours(5, 9)), "b": ()}, fetched=DAY)
    assert Calendar.from_json(calendar.to_json()) == calendar


def test_times_without_a_zone_are_refused():
    with pytest.raises(ValueError, match="time zone"):
        Interval(datetime(2027, 3, 4), datetime(2027, 3, 5))


busy_times = st.lists(
    st.tuples(st.integers(0, 47 * 60), st.integers(1, 600)).map(
        lambda t: Interval(DAY + timedelta(minutes=t[0]), DAY + timedelta(minutes=t[0] + t[1]))
    ),
    max_size=12,
)


@given(busy_times)
def test_the_fast_search_agrees_with_looking_at_every_interval(busy):
    calendar = Calendar("x", {"n": tuple(busy)})
    found = {slot.start for slot in free_slots(calendar, GPU_BLOCK, DAY, DAY + timedelta(hours=48))}
    for hour in range(46):
        wanted = GPU_BLOCK.at(DAY + timedelta(hours=hour))
        clear = all(i.end + CHANGEOVER <= wanted.start or i.start >= wanted.end + CHANGEOVER for i in merge(busy))
        assert (wanted.start in found) == (clear and wanted.end <= DAY + timedelta(hours=48))


def test_the_shipped_table_follows_the_courses_rules():
    table = hardware.load()
    assert {h.part for h in table.values()} == {"model", "edge", "system"}
    for h in table.values():
        assert h.end_margin_minutes == (10 if h.by_ssh else 5)
        assert h.block_hours == (3 if h.by_ssh else 2)
    assert [h.key for h in hardware.for_part("model")] == ["compute_liqid", "compute_gigaio"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[x]\nsite = 1\nspeed = 3", "unknown settings speed"),
        ("[x]\nsite = 'CHI@UC'", "lacks .*block_hours"),
        ("[x", "not valid TOML"),
    ],
)
def test_a_wrong_table_is_explained(tmp_path, text, message):
    path = tmp_path / "hardware.toml"
    path.write_text(text)
    with pytest.raises(hardware.UsageError, match=message):
        hardware.load(path)


ROWS = ("one", "two", "three")


def test_what_others_hold_of_a_counted_kind_lies_on_the_last_rows() -> None:
    taken = [(hours(0, 2), 1), (hours(2, 3), 3), (hours(3, 9), 0)]
    calendar = counted_calendar("x", ROWS, taken, [], DAY)
    assert calendar.nodes == {"one": (hours(2, 3),), "two": (hours(2, 3),), "three": (hours(0, 3),)}
    assert calendar.interchangeable and calendar.without_leases({"l1"}).interchangeable


def test_a_known_lease_lies_on_the_row_of_its_name_and_others_around_it() -> None:
    """Two are taken from 0 to 4: ours on the last row, and somebody's on the one before."""
    taken = [(hours(0, 4), 2), (hours(4, 9), 0)]
    calendar = counted_calendar("x", ROWS, taken, [Held(hours(0, 4), "mine", "three")], DAY)
    assert calendar.nodes == {"one": (), "two": (hours(0, 4),), "three": (hours(0, 4),)}
    assert calendar.holds["three"] == ((hours(0, 4), "mine"),)
    assert calendar.without_leases({"mine"}).nodes == {"one": (), "two": (hours(0, 4),), "three": ()}


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(1, 5), st.sampled_from(["", *ROWS])), max_size=6),
    st.lists(st.integers(0, 3), min_size=14, max_size=14),
)
def test_as_many_rows_are_taken_as_the_site_counts_and_no_lease_is_lost(wanted, others) -> None:
    known = []
    for number, (start, length, row) in enumerate(wanted):
        span = hours(start, start + length)
        meanwhile = [one for one in known if one.span.start < span.end and span.start < one.span.end]
        if len(meanwhile) < len(ROWS):  # a site lends no more than it has
            known.append(Held(span, f"l{number}", row))
    ours = [
        sum(one.span.start < hours(h, h + 1).end and hours(h, h + 1).start < one.span.end for one in known)
        for h in range(14)
    ]
    if max(ours) > len(ROWS):
        return
    taken = [(hours(h, h + 1), max(ours[h], min(len(ROWS), ours[h] + others[h]))) for h in range(14)]
    calendar = counted_calendar("x", ROWS, taken, known, DAY)
    for hour, (span, count) in enumerate(taken):
        rows = [
            name
            for name, busy in calendar.nodes.items()
            if any(i.start < span.end and span.start < i.end for i in busy)
        ]
        assert len(rows) >= count, hour
    for one in known:
        assert sum(one.lease in {id for _, id in held} for held in calendar.holds.values()) <= 1
