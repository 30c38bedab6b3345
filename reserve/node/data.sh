#!/bin/sh
# Prepare the data set $1 where the notebooks look for it; a mark tells for which checkout. Comes after python.sh.
set -e
cd ~/servelab
# A broken connection may leave an earlier one of this at work: each writes a file of its own.
made=~/.servelab/data.$$
"$PY" -c "import sys; from snippets.data.datasets import dataset; print(dataset(sys.argv[1]).fingerprint)" "$1" \
  >"$made"
cat "$made"
mv "$made" ~/.servelab/"data-$1-$(cut -c1-12 ~/servelab/.servelab-tree)"
