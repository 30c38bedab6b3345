"""The emulator itself: clock, inventory, isolation, calendar, the table of faults."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests

from .clock import Clock
from .conversation import lease_body, wish
from .emulator import Emulator
from .seed import more_hosts
from .student import SERVER, Student, until


def test_several_emulators_run_side_by_side() -> None:
    with Emulator() as one, Emulator() as other:
        assert one.env()["OS_AUTH_URL"] != other.env()["OS_AUTH_URL"]
        Student(one).lease()
        assert one.inventory()["leases"] and not other.inventory()["leases"]


def test_the_inventory_names_everything_that_is_held() -> None:
    with Emulator() as emulator:
        student = Student(emulator)
        address = student.address(student.server()["id"])
        assert emulator.inventory() == {
            "leases": ["serve_model_student ACTIVE"],
            "servers": [f"{SERVER} ACTIVE"],
            "containers": [],
            "floating_ips": [address],
            "volumes": [],
            "keypairs": ["student"],
        }
        with pytest.raises(AssertionError, match="serve_model_student"):
            emulator.assert_empty()


def test_somebody_elses_lease_is_in_the_calendar_and_not_in_the_inventory() -> None:
    with Emulator() as emulator:
        now = emulator.clock.now()
        emulator.state.book("p100-01", now, now + timedelta(hours=1))
        student = Student(emulator)
        rows = student.ask("GET", "reservation", "/os-hosts/allocations").json()["allocations"]
        assert sum(len(row["reservations"]) for row in rows) == 1
        assert student.ask("GET", "reservation", "/leases").json() == {"leases": []}
        emulator.assert_empty()
        assert emulator.inventory(everyone=True)["leases"]
        refused = student.ask("POST", "reservation", "/leases", lease_body(reservations=[wish(2)]))
        assert refused.status_code == 500


def test_a_lease_starts_and_ends_when_the_clock_says() -> None:
    with Emulator(frozen=True, speed=1) as emulator:
        student = Student(emulator)
        made = student.ask("POST", "reservation", "/leases", lease_body(hours=2)).json()["lease"]

        def status() -> str:
            student.cloud.sign_in()
            return str(student.show_lease(made["id"])["status"])

        assert status() == "PENDING"
        emulator.clock.advance(seconds=5)
        assert status() == "STARTING"
        emulator.clock.advance(seconds=1)
        assert status() == "ACTIVE"
        emulator.clock.advance_to(datetime.fromisoformat(made["end_date"]))
        assert status() == "TERMINATING"
        emulator.clock.advance(seconds=1)
        assert status() == "TERMINATED"
        events = {event["event_type"]: event["status"] for event in student.show_lease(made["id"])["events"]}
        assert events == {"start_lease": "DONE", "end_lease": "DONE"}
        emulator.assert_empty()


def test_a_boot_takes_its_quarter_of_an_hour_on_the_clock() -> None:
    with Emulator(frozen=True, speed=1) as emulator:
        student = Student(emulator)
        made = student.ask("POST", "reservation", "/leases", lease_body(hours=3)).json()["lease"]
        emulator.clock.advance(seconds=6)
        student.show_lease(made["id"])
        emulator.clock.advance(seconds=1)
        student.key_pair()
        number = student.new_server(made["reservations"][0]["id"]).json()["server"]["id"]
        tasks = []
        for minutes in (0, 0.5, 10):
            emulator.clock.advance(minutes=minutes)
            tasks.append(student.show_server(number)["OS-EXT-STS:task_state"])
        assert tasks == ["scheduling", "networking", "spawning"]
        emulator.clock.advance(minutes=5)
        assert student.show_server(number)["status"] == "ACTIVE"
        address = student.address(number)
        with pytest.raises(OSError):
            student.ssh(address, "true")
        emulator.clock.advance(minutes=2)
        until(lambda: any(host.address for host in emulator.nodes.hosts.values()))
        assert student.ssh(address, "echo up").stdout == "up\n"


def test_the_end_of_the_lease_takes_the_server_along_and_leaves_the_address() -> None:
    with Emulator() as emulator:
        student = Student(emulator)
        address = student.node()
        emulator.clock.advance(hours=4)
        held = emulator.inventory()
        assert held["leases"] == held["servers"] == [] and held["floating_ips"] == [address]
        with pytest.raises(OSError):
            until(lambda: student.ssh(address, "true").exit_status)


def test_a_token_expires_after_an_hour() -> None:
    with Emulator() as emulator:
        student = Student(emulator)
        emulator.clock.advance(minutes=59)
        assert student.ask("GET", "reservation", "/leases").status_code == 200
        emulator.clock.advance(minutes=2)
        assert student.ask("GET", "reservation", "/leases").status_code == 401


def test_the_date_header_is_the_emulated_clocks() -> None:
    start = datetime(2027, 3, 14, 9, 30)
    with Emulator(clock=Clock(start, frozen=True)) as emulator:
        url = emulator.env()["CHI_RESOURCE_API_URL"] + "/sites.json"
        assert parsedate_to_datetime(requests.get(url, timeout=5).headers["Date"]) == start.replace(tzinfo=UTC)


def test_the_clock_moves_forward_only() -> None:
    with pytest.raises(ValueError, match="forward"):
        Clock().advance(seconds=-1)


def test_two_requests_at_once_cannot_get_the_same_host() -> None:
    with Emulator() as emulator:
        students = [Student(emulator) for _ in range(8)]
        start, answers = threading.Barrier(len(students)), []

        def go(student: Student) -> None:
            start.wait()
            answers.append(student.ask("POST", "reservation", "/leases", lease_body()).status_code)

        threads = [threading.Thread(target=go, args=(each,)) for each in students]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [201, 201, 500, 500, 500, 500, 500, 500]
        held = [
            each for lease in emulator.state.leases.values() for one in lease.reservations for each in one.resources
        ]
        assert len(held) == len(set(held)) == 2


def test_a_server_needs_a_free_host_of_its_reservation() -> None:
    with Emulator() as emulator:
        student = Student(emulator)
        lease = student.lease()
        student.server(lease)
        second = student.new_server(lease["reservations"][0]["id"], "second").json()["server"]["id"]
        shown = student.show_server(second)
        assert shown["status"] == "ERROR" and "No valid host" in shown["fault"]["message"]


def test_sites_do_not_share_hosts_or_leases() -> None:
    with Emulator() as emulator:
        tacc, uc = Student(emulator), Student(emulator, "CHI@UC")
        lease = tacc.lease()
        assert uc.show_lease(lease["id"]) == {"status": "gone"}
        refused = uc.ask("POST", "reservation", "/leases", lease_body())
        assert refused.status_code == 500
        assert uc.lease(reservations=[wish(node_type="compute_gigaio")])["status"] == "ACTIVE"


def test_a_large_site_can_be_had() -> None:
    with Emulator(hosts=more_hosts(100)) as emulator:
        assert len(Student(emulator).ask("GET", "reservation", "/os-hosts").json()["hosts"]) == 106


def test_the_environment_file_is_printed_and_ctrl_c_ends_it() -> None:
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chameleon", "--fault", "no-floating-ip"],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    while not (line := process.stdout.readline()).startswith("#"):
        assert line, "ended too early"
        lines.append(line)
    env = dict(re.findall(r"export (\w+)=(.*)\n", "".join(lines)))
    assert requests.get(env["CHI_RESOURCE_API_URL"] + "/sites.json", timeout=5).ok
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(10) == 0
