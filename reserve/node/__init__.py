"""From a lease to a prepared node: boot, checkout, provisioning, and the job that runs on it."""
