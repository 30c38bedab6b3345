#!/bin/sh
# Put before a program that needs root. A container's user is root already, and sudo must never ask for a password.
# shellcheck disable=SC2034 # used by the program that follows
if command -v sudo >/dev/null; then SUDO="sudo -n"; else SUDO=""; fi
