#!/bin/sh
# Install what torch.compile builds with. Comes after sudo.sh.
set -e
$SUDO apt-get update -q
$SUDO apt-get install -y -q g++ python3-dev
