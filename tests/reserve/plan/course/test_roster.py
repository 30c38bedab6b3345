"""The roster: what is read, and what each mistake is called, with its row."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from reserve.plan.course.roster import check_dates, read_roster
from reserve.plan.course.windows import expand, parse_windows
from snippets.errors import PlanError


def roster(folder: Path, text: str) -> Path:
    path = folder / "roster.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_all_columns_are_read_and_only_netid_is_needed(tmp_path: Path) -> None:
    path = roster(
        tmp_path,
        "netid,tz,unavailable,preferred,extra_time,pair\n"
        "AB123,Asia/Kolkata,Mon-Fri 09:00-17:00; 2027-03-10,Sat+Sun,50%,cd4\ncd4,,,,,\n\n",
    )
    one, two = read_roster(path, "America/New_York")
    assert (one.netid, one.tz.key, one.extra, one.pair) == ("ab123", "Asia/Kolkata", 1.5, "cd4")
    assert len(one.unavailable) == 2
    assert (two.netid, two.tz.key, two.row) == ("cd4", "America/New_York", 3)
    assert [s.netid for s in read_roster(roster(tmp_path, "netid\nx1\ny2\n"), "UTC")] == ["x1", "y2"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("netid,tz\nab1,Mars/Olympus\n", "row 2.*unknown time zone 'Mars/Olympus'"),
        ("netid,tz\nab1,localtime\n", "row 2.*unknown time zone 'localtime'"),
        ("netid,unavailable\nab1,9999-12-31\n", "row 2, unavailable: '9999-12-31' is in the year 9999"),
        ("netid,unavailable\nab1,2027-03-01/9999-12-31\n", "row 2, unavailable.*is in the year 9999"),
        ("netid,due\nab1,9999-12-31\n", "row 2, due: '9999-12-31' has the year 9999"),
        ("netid,from\nab1,0001-01-01\n", "row 2, from: '0001-01-01' has the year 1"),
        ("Net-ID,tz\nab1,\n", "row 1: no column `netid` \\(call the column 'net-id' netid"),
        ("Student,SIS Login ID\nX,ab1\n", "call the column 'sis login id' netid"),
        ("netid,timezone\nab1,UTC\n", "unknown column 'timezone'; take it out; columns are netid"),
        ("netid;unavailable\nab1;Mon;Tue\n", "row 2: more fields than the header has.*contains a semicolon"),
        ("netid\nab1\ncd2\nAB1\n", "row 4.*ab1 was already given in row 2"),
        ("netid\nab 1\n", "row 2.*netid 'ab 1'"),
        ("name\nab1\n", "row 1.*no column `netid`"),
        ("netid,shoe\nab1,42\n", "row 1.*unknown column 'shoe'"),
        ("netid,unavailable\nab1,sometimes\n", "row 2, unavailable.*cannot read the time 'sometimes'"),
        ("netid,unavailable\nab1,Mon 17:00-09:00\n", "row 2, unavailable.*17:00-09:00"),
        ("netid,unavailable\nab1,2027-03-09/2027-03-01\n", "row 2.*ends before it begins"),
        ("netid,unavailable\nab1,2027-03-09T10:00Z/2027-03-10\n", "row 2.*leave it out"),
        ("netid,unavailable\nab1,Monkey\n", "row 2, unavailable.*cannot read the time 'Monkey'"),
        ("netid,unavailable\nab1,MonWed 09:00-12:00\n", "row 2, unavailable.*cannot read the time 'MonWed"),
        ("netid,extra_time\nab1,100%\n", "row 2.*none or twice as long; write 1 or 2"),
        ("netid,extra_time\nab1,900%\n", "row 2.*at most 4"),
        ("netid,unavailible\nab1,Mon\n", "row 1.*unknown column 'unavailible'; do you mean 'unavailable'"),
        ("netid,NetID\nab1,cd2\n", "row 1.*two columns 'netid'"),
        ("netid\n" + "".join(f"s{n}\n" for n in range(5001)), "over 5000 students"),
        ("netid,pair\na1,b2\nb2,c3\nc3,a1\n", "row 2.*names b2 as partner, but b2 .*row 3.*names c3"),
        ("netid,extra_time\nab1,lots\n", "row 2.*extra_time 'lots'"),
        ("netid,extra_time\nab1,nan\n", "row 2.*extra_time 'nan'"),
        ("netid,extra_time\nab1,-20%\n", "row 2.*extra_time"),
        ("netid,pair\nab1,zz9\n", "row 2.*partner 'zz9' is not in the roster"),
        ("netid,pair\nab1,ab1\n", "row 2.*paired with themselves"),
        ("netid,pair\na1,b2\nb2,c3\nc3,\n", "row 2.*b2.*row 3.*names c3"),
        ("netid,pair\na1,b2\nb2,\nc3,b2\n", "both name b2"),
        ("netid,tz\nab1,UTC,extra\n", "row 2.*more fields"),
        ("netid\n", "names no student"),
    ],
)
def test_mistakes_are_named_with_their_row(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        read_roster(roster(tmp_path, text), "UTC")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_excel_writes_is_read(tmp_path: Path, mark: str, separator: str) -> None:
    rows = ["netid,tz,unavailable", 'ab1,Asia/Kolkata,"Mon 09:00-12:00; 2027-03-10"', "cd2,,"]
    text = mark + "\r\n".join(row.replace(",", separator) for row in rows) + "\r\n"
    one, two = read_roster(roster(tmp_path, text), "UTC")
    assert (one.netid, one.tz.key, len(one.unavailable), two.netid) == ("ab1", "Asia/Kolkata", 2, "cd2")


def test_an_export_of_a_learning_platform_is_read_and_a_line_break_in_a_cell_keeps_the_rows_right(
    tmp_path: Path,
) -> None:
    text = 'Student,SIS Login ID,Section,netid,notes\n"Ada ""the first""",7,001,ab1,"two\nlines"\nBob,8,001,CD 2,\n'
    with pytest.raises(PlanError, match="row 4: netid 'cd 2'"):
        read_roster(roster(tmp_path, text), "UTC")
    assert [s.netid for s in read_roster(roster(tmp_path, text.replace("CD 2", "cd2")), "UTC")] == ["ab1", "cd2"]


def test_every_row_says_its_zone_where_the_course_has_none(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="row 3: no time zone for cd2; give the course's with --tz"):
        read_roster(roster(tmp_path, "netid,tz\nab1,UTC\ncd2,\n"), "")


def test_a_date_of_another_year_is_not_read_over(tmp_path: Path) -> None:
    start, due = datetime(2027, 3, 8, tzinfo=UTC), datetime(2027, 3, 20, tzinfo=UTC)
    text = "netid,unavailable,preferred\nab1,2027-05-01,Mon\ncd2,,2026-03-10\n"
    students = read_roster(roster(tmp_path, text), "UTC")
    with pytest.raises(PlanError, match="roster.csv row 3, preferred: 2026-03-10 is in another year than the course"):
        check_dates(students, start, due, "roster.csv")
    check_dates(students[:1], start, due, "roster.csv")
    check_dates(students, datetime(2027, 1, 10, tzinfo=UTC), due, "roster.csv")


def test_a_roster_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(b"netid\n\xff\xfe\n")
    with pytest.raises(PlanError, match="not UTF-8"):
        read_roster(path, "UTC")
    with pytest.raises(PlanError, match="cannot read the roster"):
        read_roster(tmp_path / "none.csv", "UTC")


def test_weekly_times_follow_the_clock_across_the_change_to_summer_time() -> None:
    windows = parse_windows("daily 09:00-10:00", "test")
    tz = ZoneInfo("America/New_York")
    found = sorted(expand(windows, tz, datetime(2027, 3, 13, 5, tzinfo=UTC), datetime(2027, 3, 15, 4, tzinfo=UTC)))
    assert [one.start.hour for one in found if one.start.day in (13, 14)] == [14, 13]


def test_a_day_off_lasts_23_hours_when_the_clocks_go_forward() -> None:
    tz = ZoneInfo("America/New_York")
    (one,) = expand(
        parse_windows("2027-03-14", "test"), tz, datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)
    )
    assert one.hours == 23


def test_an_extension_and_a_late_start_are_read_by_the_student_s_own_clock(tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text("netid,tz,from,due\nab1,Asia/Kolkata,2027-03-09,2027-03-20\ncd2,,,2027-03-18T12:00\n")
    one, two = read_roster(file, "America/New_York")
    assert one.begin == datetime(2027, 3, 8, 18, 30, tzinfo=UTC)
    assert one.due == datetime(2027, 3, 20, 18, 29, tzinfo=UTC)
    assert (two.begin, two.due) == (None, datetime(2027, 3, 18, 16, tzinfo=UTC))


def test_an_own_due_date_before_the_start_or_that_is_no_time_is_named_with_its_row(tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text("netid,due\nab1,soon\n")
    with pytest.raises(PlanError, match="roster.csv row 2, due: 'soon' is not a time"):
        read_roster(file, "UTC")
    file.write_text("netid,from,due\nab1,2027-03-12,2027-03-10\n")
    start, due = datetime(2027, 3, 8, tzinfo=UTC), datetime(2027, 3, 15, tzinfo=UTC)
    with pytest.raises(PlanError, match="row 2: ab1 is due 2027-03-10 .* not after 2027-03-12"):
        check_dates(read_roster(file, "UTC"), start, due, "roster.csv")


def test_a_line_that_names_the_separator_is_read_and_a_date_without_hyphens_is_a_day(tmp_path: Path) -> None:
    (one,) = read_roster(roster(tmp_path, "sep=;\nnetid;tz;unavailable\nab1;UTC;20270310\n"), "")
    (dated,) = one.unavailable
    assert (dated.end - dated.start).days == 1  # type: ignore[union-attr]


def test_a_due_date_half_a_year_away_is_named_with_its_row_and_the_course_s_own_with_its_option(tmp_path: Path) -> None:
    start, due = datetime(2027, 3, 8, tzinfo=UTC), datetime(2027, 3, 20, tzinfo=UTC)
    far = read_roster(roster(tmp_path, "netid,due\nab1,\ncd2,2027-10-01\n"), "UTC")
    with pytest.raises(PlanError, match="roster.csv row 3: cd2 is due 2027-10-01, over 26 weeks after 2027-03-08"):
        check_dates(far, start, due, "roster.csv")
    with pytest.raises(PlanError, match="--due: 2027-03-08 00:00 UTC is not after"):
        check_dates(far, start, start, "roster.csv")
