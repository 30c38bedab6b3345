#!/bin/sh
# Python with the packages of extra $1: $SERVELAB_NODE_PYTHON as it is, else a virtual environment. Any further
# arguments are words for the installer, one call each, which installs without dependencies.
set -e
extra=$1
shift
mkdir -p ~/.servelab
cd ~/servelab
if [ -n "$SERVELAB_NODE_PYTHON" ]; then
  echo "$SERVELAB_NODE_PYTHON" >~/.servelab/python
  exit 0
fi
python3 -m venv .venv
# The GPU decides torch's version, the extra names it; everything else is pinned by constraints.txt.
grep -v -i -E '^((torch|triton)=|nvidia-|onnxruntime|cuda-)' constraints.txt >~/.servelab/constraints.txt || true
pip="$PWD/.venv/bin/python -m pip install --disable-pip-version-check --progress-bar off"
# uv fetches packages at the same time, pip one after the other: minutes of lease time. Where it cannot be had, or does
# not get through, pip does the same.
with_uv=
if $pip -q -U pip && $pip -q -c ~/.servelab/constraints.txt uv; then
  with_uv="$PWD/.venv/bin/python -m uv pip install --no-progress --compile-bytecode --python $PWD/.venv/bin/python"
fi
fetch() {
  if [ -n "$with_uv" ] && $with_uv "$@"; then return; fi
  $pip "$@"
}
fetch -c ~/.servelab/constraints.txt -e ".[$extra]"
# shellcheck disable=SC2086 # words
for words in "$@"; do fetch -q --no-deps $words; done
echo "$HOME/servelab/.venv/bin/python" >~/.servelab/python
