#!/bin/sh
# Let Python make virtual environments, which Debian and Ubuntu keep in a package of its own. Comes after sudo.sh.
set -e
$SUDO apt-get update -q
$SUDO apt-get install -y -q python3-venv
