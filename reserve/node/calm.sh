#!/bin/sh
# Keep updates in the background from disturbing measurements, and have apt wait for its lock instead of failing: a
# fresh node updates itself for minutes. Comes after sudo.sh.
set -e
for unit in apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service; do
  $SUDO systemctl stop --no-block "$unit" >/dev/null 2>&1 || true
done
echo 'DPkg::Lock::Timeout "600";' | $SUDO tee /etc/apt/apt.conf.d/99servelab >/dev/null
