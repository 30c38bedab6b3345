#!/bin/sh
# Install the browser that takes Part 3's screenshots, with the libraries that it needs. Comes after python.sh.
set -e
PATH="$PATH:$(dirname "$PY")"
playwright install --with-deps chromium
