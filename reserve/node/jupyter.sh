#!/bin/sh
# Start JupyterLab anew, $1 `public` or `private`; the node's firewall, which lets only SSH in, has its port opened or
# closed. Comes after sudo.sh and python.sh.
set -e
if command -v firewall-cmd >/dev/null && $SUDO firewall-cmd --state >/dev/null 2>&1; then
  if [ "$1" = public ]; then change=--add-port; else change=--remove-port; fi
  $SUDO firewall-cmd --quiet "$change=8888/tcp"
fi
cd ~/servelab && "$PY" -m reserve.node.jupyter start "$1"
