#!/bin/sh
# Start `servelab` with the words $3, $4, ... as a job of its own in the folder $1, under the lease $2 (JSON or empty).
# NAME=VALUE before the words are variables of its environment. It goes on when the connection goes away. The folder then has its process id, its words (log), and in the end its
# status (exit).
job=$HOME/$1
lease=$2
shift 2
mkdir -p "$job"
rm -f "$job/exit" "$job/log"
: >"$job/log"
if [ -n "$lease" ]; then export SERVELAB_LEASE="$lease"; fi
while case "$1" in *=*) true ;; *) false ;; esac; do
  export "${1?}"
  shift
done
# shellcheck disable=SC2016 # expanded by the shell that runs the job
setsid nohup sh -c '
  job=$1
  shift
  PY=$(cat ~/.servelab/python 2>/dev/null || echo none)
  [ -x "$PY" ] || exit 12
  cd ~/servelab || exit 12
  commit=$(cut -d" " -f2 .servelab-tree 2>/dev/null)
  export SERVELAB_KIT_COMMIT="$commit" PYTHONPATH=. PYTHONUNBUFFERED=1
  "$PY" servelab.py "$@" --runs ~/servelab-runs >"$job/log" 2>&1
  echo $? >"$job/exit.tmp"
  mv "$job/exit.tmp" "$job/exit"
' job "$job" "$@" >/dev/null 2>&1 </dev/null &
echo $! >"$job/pid"
