#!/bin/sh
# Let containers use the GPUs. Comes after sudo.sh.
set -e
repo=https://nvidia.github.io/libnvidia-container
ring=/usr/share/keyrings/nvidia-container-toolkit-keyring.gpg
curl -fsSL $repo/gpgkey | $SUDO gpg --batch --yes --dearmor -o $ring
curl -fsSL $repo/stable/deb/nvidia-container-toolkit.list | sed "s#deb https://#deb [signed-by=$ring] https://#g" |
  $SUDO tee /etc/apt/sources.list.d/nvidia-container-toolkit.list
$SUDO apt-get update -q
$SUDO apt-get install -y -q nvidia-container-toolkit
$SUDO nvidia-ctk runtime configure --runtime=docker
$SUDO systemctl restart docker
