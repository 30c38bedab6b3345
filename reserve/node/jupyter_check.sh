#!/bin/sh
# Whether JupyterLab answers, $1 `public` or `private`, through the firewall if there is one. Comes after sudo.sh and
# python.sh.
if [ "$1" = public ] && command -v firewall-cmd >/dev/null && $SUDO firewall-cmd --state >/dev/null 2>&1; then
  $SUDO firewall-cmd --quiet --query-port=8888/tcp || exit 1
fi
cd ~/servelab && "$PY" -m reserve.node.jupyter check "$1"
