#!/bin/sh
# Install Docker and let the user use it (after a new login). Comes after sudo.sh.
set -e
curl -fsSL --retry 3 https://get.docker.com -o ~/.servelab/get-docker.sh
$SUDO sh ~/.servelab/get-docker.sh
$SUDO systemctl enable --now docker
$SUDO usermod -aG docker "$(id -un)"
