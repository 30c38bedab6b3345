#!/bin/sh
# Python with the packages of extra $1: $SERVELAB_NODE_PYTHON as it is, else a virtual environment. Any further
# arguments are words for pip, one call each, which installs without dependencies. Comes after sudo.sh.
set -e
extra=$1
shift
mkdir -p ~/.servelab
cd ~/servelab
if [ -n "$SERVELAB_NODE_PYTHON" ]; then
  echo "$SERVELAB_NODE_PYTHON" >~/.servelab/python
  exit 0
fi
if ! python3 -m venv .venv 2>/dev/null; then
  if command -v cloud-init >/dev/null; then timeout 600 cloud-init status --wait >/dev/null 2>&1 || true; fi
  $SUDO apt-get update -q
  $SUDO apt-get install -y -q python3-venv
  python3 -m venv .venv
fi
# torch.compile builds against Python's headers; where they cannot be had, the notebooks leave it out with the reason.
if [ "$extra" != edge ] && ! dpkg -s g++ python3-dev >/dev/null 2>&1; then
  { $SUDO apt-get update -q && $SUDO apt-get install -y -q g++ python3-dev; } || echo "no compiler for torch.compile"
fi
# The GPU decides torch's version, the extra names it; everything else is pinned by constraints.txt.
grep -v -i -E '^((torch|triton)=|nvidia-|onnxruntime|cuda-)' constraints.txt >~/.servelab/constraints.txt || true
pip="$PWD/.venv/bin/python -m pip install --disable-pip-version-check --progress-bar off"
$pip -q -U pip
$pip -c ~/.servelab/constraints.txt -e ".[$extra]"
# shellcheck disable=SC2086 # words
for words in "$@"; do $pip -q --no-deps $words; done
echo "$HOME/servelab/.venv/bin/python" >~/.servelab/python
