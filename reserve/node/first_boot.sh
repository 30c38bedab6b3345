#!/bin/sh
# Put before a program that installs packages: let the first boot come to its end (at most 10 minutes).
if command -v cloud-init >/dev/null; then timeout 600 cloud-init status --wait >/dev/null 2>&1 || true; fi
