#!/bin/sh
# Put before a program that asks for jobs. `job_state FOLDER` prints `none`, `running`, `dead`, or `exit STATUS`.
job_state() {
  if [ -f "$1/exit" ]; then
    echo "exit $(cat "$1/exit")"
  elif [ ! -f "$1/pid" ]; then
    echo none
  elif kill -0 "$(cat "$1/pid")" 2>/dev/null; then
    echo running
  else
    echo dead
  fi
}
