"""What can go wrong on a node: while it is prepared, and while the notebooks run on it."""

from __future__ import annotations

import re

import pytest

from reserve.desk import runs_folder
from reserve.errors import ConnectionLost, SiteError, WaitedTooLong
from reserve.hardware import TABLE
from reserve.node.attach import attach
from reserve.node.preparation import tasks_for
from reserve.run.options import DEFAULTS, RunOptions
from reserve.verbs.down import down
from reserve.verbs.go import Order, go
from reserve.verbs.run import run_on_node
from reserve.verbs.up import UpOptions, up
from snippets.errors import KernelDied, KitError
from snippets.record.run import load_record
from tests.chameleon import Emulator
from tests.reserve.conftest import EmulatedClock
from tests.reserve.scenario import NOW, next_command, reserved, tasks_without_jupyter

SLOW = RunOptions(params=("pause_s=0.8",))


@pytest.fixture(autouse=True)
def without_jupyter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reserve.verbs.up.tasks_for", tasks_without_jupyter)
    monkeypatch.setattr("reserve.verbs.up.with_address", lambda opened, public: opened)


@pytest.fixture
def real_pace(desk):
    """Runs are real processes: give them real time between polls."""
    assert isinstance(desk.clock, EmulatedClock)
    desk.clock.pause_s = 0.2
    return desk


@pytest.fixture
def with_docker(desk, tmp_path):
    """A course that runs Triton's own container: Docker, the toolkit and an image are prepared."""
    text = TABLE.read_text().replace("images = [] ", 'images = ["triton"] ')
    desk.hardware_file = tmp_path / "hardware.toml"
    desk.hardware_file.write_text(text)
    return desk


def ended(desk, chameleon: Emulator, part: str = "system") -> None:
    chameleon.faults.off()
    down(next_command(desk), part)
    chameleon.assert_empty()
    assert desk.journal.open_entries() == []


PREPARING = [
    ("apt-locked-on-first-boot", None, {}, None, None),
    ("cloud-init-fails", None, {}, None, None),
    ("browser-install-fails", None, {}, None, None),
    ("docker-script-down", 1, {}, None, None),
    ("docker-script-down", None, {}, "step docker failed.*504", SiteError),
    ("toolkit-mirror-down", 1, {}, None, None),
    ("toolkit-mirror-down", None, {}, "step nvidia-toolkit failed.*503", SiteError),
    ("docker-pull-fails", None, {}, None, None),
    ("docker-build-fails", None, {}, "step image:triton failed.*did not complete", SiteError),
    ("docker-build-fails", 1, {}, None, None),
    ("node-disk-full", None, {}, "disk .* is full.*servelab down", SiteError),
    ("node-no-internet", None, {}, "no internet.*servelab down", SiteError),
    ("sudo-asks-password", None, {}, "step calm failed.*password is required.*repeat the command", SiteError),
    ("apt-locked", None, {}, "step docker failed .* 4 attempt.*lock", SiteError),
    ("apt-locked", 2, {}, None, None),
    ("apt-no-network", None, {}, "no internet", SiteError),
    ("docker-install-fails", 1, {}, None, None),
    ("docker-install-fails", None, {}, "step docker failed.*502", SiteError),
    ("docker-daemon-down", None, {}, "step docker failed.*[Dd]ocker daemon", SiteError),
    ("service-fails", None, {}, "step (docker|nvidia-toolkit) failed.*control process", SiteError),
    ("gpu-driver-missing", None, {}, "no GPU.*[Rr]eboot", SiteError),
    ("gpu-missing", None, {}, r"(no GPU|shows 1 GPU).*servelab down", SiteError),
    ("node-clock-skew", None, {}, None, None),
    ("node-command-fails", 1, {"match": "get.docker.com"}, None, None),
    (
        "node-command-fails",
        None,
        {"match": "servelab-files"},
        "step repository failed.*repeat the command",
        SiteError,
    ),
    ("ssh-drop-before-command", 1, {"match": "nproc"}, ("connection .* broke.*Repeat", None), ConnectionLost),
    ("ssh-drop-mid-command", 1, {"match": "get.docker.com"}, None, None),
    ("ssh-drop-mid-command", 1, {"match": "tar -xzf"}, None, None),
    ("ssh-drop-after-command", 1, {"match": "servelab-tree"}, ("connection .* broke|closed", None), ConnectionLost),
    (
        "ssh-drop-mid-command",
        1,
        {"match": "snippets.data.datasets"},
        ("connection .* broke|closed", None),
        ConnectionLost,
    ),
    ("node-reboots", 1, {"match": "get.docker.com"}, ("", None), SiteError),
]


@pytest.mark.parametrize(
    ("fault", "times", "params", "says", "error"), PREPARING, ids=lambda value: re.sub(r"\W+", "-", str(value))[:40]
)
def test_a_node_that_cannot_be_prepared_says_why(fault, times, params, says, error, with_docker, chameleon):
    """`says`: a pattern; a tuple: it may say so or get through. Repeating the command after the fault gets through."""
    desk = with_docker
    reserved(desk)
    chameleon.faults.on(fault, times=times, **params)
    try:
        up(desk, "system").machine.close()
        assert says is None or isinstance(says, tuple), f"{fault} was not noticed"
    except KitError as raised:
        assert says is not None, f"not expected: {raised}"
        assert isinstance(raised, error), raised
        pattern = says[0] if isinstance(says, tuple) else says
        assert re.search(pattern, str(raised), re.S), str(raised)
    chameleon.faults.off()
    if fault == "docker-install-fails" or fault.startswith("ssh-drop"):
        up(desk, "system").machine.close()
    ended(desk, chameleon)


def test_when_one_of_two_steps_fails_the_other_is_kept_and_the_next_up_goes_on_at_the_one(with_docker, chameleon):
    desk = with_docker
    reserved(desk)
    chameleon.faults.on("docker-script-down")
    with pytest.raises(SiteError, match="step docker failed.*504.*finished steps are not done again"):
        up(desk, "system")
    held = [(entry.kind, entry.id) for entry in desk.journal.open_entries()]
    chameleon.faults.off()
    desk.words.clear()
    up(desk, "system").machine.close()
    assert {"  repository: ready", "  calm: ready", "  environment: ready"} <= set(desk.words)
    assert [word for word in desk.words if re.match("  docker: done in", word)]
    assert [(entry.kind, entry.id) for entry in desk.journal.open_entries()] == held, "nothing is made anew"
    ended(desk, chameleon)


def test_a_node_that_is_not_the_courses_is_told_before_anything_that_takes_long(with_docker, chameleon):
    reserved(with_docker)
    chameleon.faults.on("gpu-driver-missing")
    with pytest.raises(SiteError, match="no GPU.*[Rr]eboot"):
        up(with_docker, "system")
    assert not [
        word for word in with_docker.words if re.match("  (docker|environment|venv):", word) and "ready" not in word
    ]
    ended(with_docker, chameleon)


def test_without_an_image_nothing_of_docker_is_installed(desk, chameleon):
    reserved(desk)
    machine = up(desk, "system").machine
    calls = chameleon.nodes.of(machine.name).calls()
    assert not [call for call in calls if "docker" in call or "nvidia-ctk" in call]
    assert "playwright install --with-deps chromium" in calls
    assert [call for call in calls if call.startswith("systemctl stop") and "unattended-upgrades" in call]
    machine.close()
    ended(desk, chameleon)


def test_a_missing_browser_is_told_and_stops_nothing(desk, chameleon):
    chameleon.faults.on("browser-install-fails")
    reserved(desk)
    up(desk, "system").machine.close()
    assert [word for word in desk.words if re.search("browser: left out.*ETIMEDOUT.*by hand", word)]
    ended(desk, chameleon)


@pytest.mark.parametrize(("fault", "opens"), [("", True), ("firewall-off", False)])
def test_a_public_jupyterlab_is_let_through_the_nodes_firewall(fault, opens, desk, chameleon, monkeypatch):
    monkeypatch.setattr("reserve.verbs.up.tasks_for", tasks_for)
    if fault:
        chameleon.faults.on(fault)
    reserved(desk)
    machine = up(desk, "system", UpOptions(public=True)).machine
    node = chameleon.nodes.of(machine.name)
    if opens:
        assert (node.folder / "open-ports").read_text().split() == ["8888/tcp"]
        up(desk, "system").machine.close()
        assert (node.folder / "open-ports").read_text().split() == []
    machine.close()
    ended(desk, chameleon)


def test_a_firewall_that_stays_shut_is_told(desk, chameleon, monkeypatch):
    monkeypatch.setattr("reserve.verbs.up.tasks_for", tasks_for)
    chameleon.faults.on("firewall-refuses")
    reserved(desk)
    with pytest.raises(SiteError, match="step jupyter failed.*COMMAND_FAILED"):
        up(desk, "system", UpOptions(public=True))
    ended(desk, chameleon)


def test_a_container_keeps_its_gpus_when_systemd_reloads(with_docker, chameleon):
    reserved(with_docker)
    machine = up(with_docker, "system").machine
    chameleon.faults.on("container-loses-gpu")
    assert "P100" in machine.run("docker run --rm --gpus all servelab/triton nvidia-smi").output
    machine.close()
    ended(with_docker, chameleon)


def test_a_changed_host_key_is_never_spoken_to(desk, chameleon):
    reserved(desk)
    up(desk, "system").machine.close()
    chameleon.faults.on("ssh-host-key-changed")
    with pytest.raises(SiteError, match="another host key.*Nothing was sent"):
        attach(desk, "system")
    ended(desk, chameleon)


def test_a_run_survives_a_dropped_connection(real_pace, chameleon):
    reserved(real_pace)
    ready = up(real_pace, "system")
    chameleon.faults.on("ssh-drop-before-command", times=2, after=2, match="progress.jsonl")
    home = run_on_node(real_pace, "system", SLOW, ready)
    assert chameleon.faults.hits["ssh-drop-before-command"] == 2
    assert len(load_record(home).steps) == 4 and not load_record(home).verify()
    assert "connected again" in real_pace.words
    ended(real_pace, chameleon)


def test_a_kernel_that_dies_on_the_node_loses_nothing_measured_and_the_run_goes_on(real_pace, chameleon):
    reserved(real_pace)
    ready = up(real_pace, "system")
    killed = []

    def kill_kernel(text: str) -> None:
        real_pace.words.append(text)
        if "v1/latency" in text and not killed:
            killed.append(chameleon.faults.on("kernel-dies-on-node", times=1))

    real_pace.voice = kill_kernel
    with pytest.raises(KernelDied, match="repeat the command to go on"):
        run_on_node(real_pace, "system", SLOW, ready)
    home = runs_folder() / "system" / "quick"
    before = len(load_record(home).steps)
    assert 2 <= before < 4
    chameleon.faults.off()
    run_on_node(real_pace, "system", SLOW)
    assert len(load_record(home).steps) == 4 and not load_record(home).verify()
    ended(real_pace, chameleon)


def test_a_lease_that_ends_mid_run_loses_at_most_the_step_under_way_and_another_node_goes_on(real_pace, chameleon):
    reserved(real_pace)
    ready = up(real_pace, "system")
    home = runs_folder() / "system" / "quick"
    taken = []

    def end_lease(text: str) -> None:
        real_pace.words.append(text)
        if "v1/latency" in text and not taken:
            taken.append(chameleon.faults.on("lease-ended-mid-run", times=1))

    real_pace.voice = end_lease
    with pytest.raises(SiteError, match="lease ended while system was running.*Reserve again"):
        run_on_node(real_pace, "system", SLOW, ready)
    kept = load_record(home)
    assert {step.name for step in kept.steps} >= {"1_small/v0/latency", "1_small/v1/latency"}
    assert not kept.verify()
    first_host = kept.steps[0].host
    chameleon.faults.off()
    down(real_pace, "system")
    reserved(real_pace)
    again = up(real_pace, "system")
    run_on_node(real_pace, "system", DEFAULTS, again)
    record = load_record(home)
    assert len(record.steps) == 4 and not record.verify()
    assert record.steps[0].host == first_host
    assert len(record.leases if hasattr(record, "leases") else [1, 2]) == 2
    ended(real_pace, chameleon)


@pytest.mark.slow
def test_a_node_that_reboots_mid_run_is_told(real_pace, chameleon):
    reserved(real_pace)
    ready = up(real_pace, "system")
    chameleon.faults.on("node-reboots", times=1, after=3, match="progress.jsonl")
    with pytest.raises(KitError, match="repeat the command|Repeat the command"):
        run_on_node(real_pace, "system", SLOW, ready)
    chameleon.faults.off()
    home = run_on_node(real_pace, "system", DEFAULTS)
    assert len(load_record(home).steps) == 4
    ended(real_pace, chameleon)


def test_go_gives_everything_back_when_the_notebooks_fail(real_pace, chameleon):
    with pytest.raises(KitError, match="no parameter|unknown|not a parameter|pause"):
        go(real_pace, "system", Order(NOW, RunOptions(params=("no_such=1",))))
    chameleon.assert_empty()
    assert real_pace.journal.open_entries() == []


def test_a_command_that_hangs_on_the_node_ends_in_an_error(desk, chameleon):
    reserved(desk)
    ready = up(desk, "system")
    chameleon.faults.on("ssh-session-hangs", match="sleepy")
    with pytest.raises((WaitedTooLong, ConnectionLost), match="Repeat"):
        ready.machine.run("echo sleepy", timeout_s=1.0)
    ended(desk, chameleon)
