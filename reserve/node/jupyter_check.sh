#!/bin/sh
# Whether JupyterLab answers, $1 `public` or `private`. Comes after python.sh.
cd ~/servelab && "$PY" -m reserve.node.jupyter check "$1"
