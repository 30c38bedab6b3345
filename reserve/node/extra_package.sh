#!/bin/sh
# Install the package $1 alone, without its dependencies, into the node's own environment; comes after python.sh. What
# cannot be had is left out with a word: whatever needs it is then absent, and the record says so. A Python that was
# there before ($SERVELAB_NODE_PYTHON) is left as it is.
mark=$HOME/.servelab/package-$1
if [ -n "$SERVELAB_NODE_PYTHON" ]; then
  echo "left out: the Python of this node is used as it is" | tee "$mark"
elif "$PY" -m pip install --disable-pip-version-check --progress-bar off --no-deps "$1"; then
  echo "installed" >"$mark"
else
  echo "left out: it could not be installed" | tee "$mark"
fi
