#!/usr/bin/env bash
# Runs once, when Gradescope builds the image: Python 3.11 or newer and numpy are all that grading needs.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive PYTHONPATH=/autograder/python
enough='import sys, numpy; sys.exit(sys.version_info < (3, 11))'
if ! python3 -c "$enough" 2>/dev/null; then
  apt-get update
  apt-get install -y --no-install-recommends python3 python3-numpy bubblewrap
fi
if ! python3 -c "$enough" 2>/dev/null; then
  apt-get install -y --no-install-recommends python3.11 python3-pip
  python3.11 -m pip install --target /autograder/python "numpy>=2,<3"
fi
chmod 700 /autograder/source
