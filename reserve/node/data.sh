#!/bin/sh
# Prepare the data set $1 where the notebooks look for it; a mark tells for which checkout. Comes after python.sh.
set -e
cd ~/servelab
"$PY" -c "import sys; from snippets.data.datasets import dataset; print(dataset(sys.argv[1]).fingerprint)" "$1" \
  >~/.servelab/data.tmp
cat ~/.servelab/data.tmp
mv ~/.servelab/data.tmp ~/.servelab/"data-$1-$(cut -c1-12 ~/servelab/.servelab-tree)"
