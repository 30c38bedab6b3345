#!/bin/sh
# Start JupyterLab anew, $1 `public` or `private`. Comes after python.sh.
cd ~/servelab && "$PY" -m reserve.node.jupyter start "$1"
