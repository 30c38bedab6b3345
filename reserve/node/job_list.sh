#!/bin/sh
# A line for each job below ~/.servelab/jobs: its name, its state, how many steps its run has. Comes after job_state.sh.
for job in .servelab/jobs/*/; do
  [ -f "$job/pid" ] || continue
  name=$(basename "$job")
  state=$(job_state "$job")
  case $state in exit*) state="ended (${state#exit })" ;; esac
  run=servelab-runs/$(echo "$name" | sed s,-,/,)
  echo "$name $state, $(grep -c "done" "$run/progress.jsonl" 2>/dev/null) steps"
done
