#!/bin/sh
# Put before a program that needs the part's Python: PY is its path, or nothing that follows runs (status 12).
PY=$(cat ~/.servelab/python 2>/dev/null || echo none)
[ -x "$PY" ] && "$PY" -c pass || exit 12
