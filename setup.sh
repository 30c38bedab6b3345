#!/usr/bin/env bash
# Prepare the environment: setup.sh PYTHON VENV. Run by `make`; safe to run again.
set -euo pipefail
python=$1 venv=$2

"$python" - <<'CHECK' || exit 1
import sys
if sys.version_info < (3, 11):
    sys.exit(f"ServeLab needs Python 3.11 or newer; this is {sys.version.split()[0]}. "
             "Install one and run: make PYTHON=python3.11 lab")
CHECK

# Programs that no Python package brings. With root on Debian or Ubuntu they are installed; otherwise `servelab doctor`
# says what is missing and what it is for.
wanted=()
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || wanted+=(chromium)
command -v npm >/dev/null || wanted+=(npm)
command -v bwrap >/dev/null || wanted+=(bubblewrap)
command -v g++ >/dev/null || wanted+=(g++)
[ -f "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] || wanted+=(python3-dev)
fc-list 2>/dev/null | grep -qi "NotoSansCJK" || wanted+=(fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji)
if [ "$(uname -m)" = x86_64 ] && ! ls /usr/lib/x86_64-linux-gnu/libb64.so.0d >/dev/null 2>&1; then wanted+=(libb64-0d); fi
if [ ${#wanted[@]} -gt 0 ]; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        echo "Installing Debian packages: ${wanted[*]}"
        export DEBIAN_FRONTEND=noninteractive
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${wanted[@]}"; } >"${TMPDIR:-/tmp}/servelab-apt.log" 2>&1 \
            || echo "That failed; see ${TMPDIR:-/tmp}/servelab-apt.log. Screenshots, confined grading or Part 2 in a browser may be missing." >&2
    else
        echo "Missing: ${wanted[*]}. On Debian or Ubuntu: sudo apt-get install ${wanted[*]}" >&2
    fi
fi

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || {
    echo "Python's venv module is missing. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
echo "Installing Python packages into $venv (a few minutes the first time)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
    --editable ".[lab,chameleon,grade,plan,dev]"
# Triton's server binary and Python backend come in this wheel. Its own requirements (an older numpy) belong to its
# Python API, which the lab does not use, so they are left out.
if [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps nvidia-pytriton==0.7.0
fi

# onnxruntime-web, 12 MB, for Part 2 in a browser; without it that notebook says so and goes on.
"$venv/bin/python" -m snippets.edge.browser.vendor >/dev/null || echo "Part 2 is not measured in a browser until 'make browser' succeeds." >&2

# The default data, so that no notebook waits for it; whatever is missing is made when it is first used.
"$venv/bin/python" - <<'DRAW'
from snippets.data.datasets import SPLITS, dataset
from snippets.errors import KitError
try:
    data = dataset("rehearsal")
    for split in SPLITS:
        data.split(split)
except KitError as error:
    print(f"The rehearsal pictures are not there yet: {error}")
DRAW
