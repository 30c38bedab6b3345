#!/bin/sh
# What the machine says about itself, as name=value lines: before anything is done to it.
echo "cores=$(nproc)"
echo "machine=$(uname -m)"
echo "cpu=$( (lscpu 2>/dev/null | sed -n 's/^Model name: *//p' | tr '\n' ' ') || true)"
echo "free_kb=$(df -Pk . | sed 1d | tr -s ' ' | cut -d' ' -f4)"
echo "now=$(date +%s)"
if command -v nvidia-smi >/dev/null 2>&1; then
  if gpus=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>&1); then
    echo "$gpus" | sed 's/^/gpu=/'
  else
    echo "gpu_problem=$gpus" | head -1
  fi
elif command -v rocm-smi >/dev/null 2>&1; then
  if gpus=$(rocm-smi --showproductname 2>&1); then
    echo "$gpus" | sed -n 's/^GPU\[[0-9]*\].*: *Card [Ss]eries: *[[:space:]]*/gpu=/p'
  else
    echo "gpu_problem=$gpus" | head -1
  fi
fi
