#!/bin/sh
# Make room for a new checkout in ~/$1: the files of the old one go, what the node made stays.
set -e
mkdir -p ~/"$1" ~/.servelab ~/servelab-runs
chmod 700 ~/.servelab
cd ~/"$1"
rm -f .servelab-tree
if [ -f .servelab-files ]; then xargs -d '\n' rm -f -- <.servelab-files; fi
