#!/bin/sh
# Whether the node's Python is chosen and usable: $1 the modules, $2 the pins (JSON), which a Python that was there
# before ($SERVELAB_NODE_PYTHON) need not keep. (`set -e` would not do: this is the condition of an `if`.)
cd ~/servelab || exit 1
if [ -n "$SERVELAB_NODE_PYTHON" ]; then
  PY=$SERVELAB_NODE_PYTHON
  "$PY" -m reserve.node.usable "$1" "{}" || exit 1
else
  PY=$HOME/servelab/.venv/bin/python
  "$PY" -m reserve.node.usable "$1" "$2" || exit 1
fi
[ "$(cat ~/.servelab/python)" = "$PY" ]
