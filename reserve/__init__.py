"""From a lease to a collected run, on Chameleon or on this machine."""
