#!/bin/sh
# Let containers use the GPUs. Comes after sudo.sh.
set -e
repo=https://nvidia.github.io/libnvidia-container
ring=/usr/share/keyrings/nvidia-container-toolkit-keyring.gpg
# Fetched first: the shell would take no notice of a curl that fails at the head of a pipe.
curl -fsSL --retry 3 $repo/gpgkey -o ~/.servelab/toolkit.key
curl -fsSL --retry 3 $repo/stable/deb/nvidia-container-toolkit.list -o ~/.servelab/toolkit.list
$SUDO gpg --batch --yes --dearmor -o $ring <~/.servelab/toolkit.key
sed "s#deb https://#deb [signed-by=$ring] https://#g" <~/.servelab/toolkit.list |
  $SUDO tee /etc/apt/sources.list.d/nvidia-container-toolkit.list
$SUDO apt-get update -q
$SUDO apt-get install -y -q nvidia-container-toolkit
# With systemd as the cgroup driver, a container loses its GPUs at the next `systemctl daemon-reload`, which apt does.
$SUDO test -s /etc/docker/daemon.json ||
  echo '{"exec-opts": ["native.cgroupdriver=cgroupfs"]}' | $SUDO tee /etc/docker/daemon.json
$SUDO nvidia-ctk runtime configure --runtime=docker
$SUDO systemctl restart docker
