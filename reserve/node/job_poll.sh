#!/bin/sh
# One round trip of a follower: the state of the job in the folder $1, the size of the progress of its run in $2, and
# its words from byte $3 on. Comes after job_state.sh.
job_state "$1"
cat "$2/progress.jsonl" 2>/dev/null | wc -c
tail -c "+$3" "$1/log" 2>/dev/null
