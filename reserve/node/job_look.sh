#!/bin/sh
# The state of the job in the folder $1. Comes after job_state.sh.
job_state "$1"
