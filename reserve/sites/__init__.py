"""Where a node can be: this machine, a machine behind SSH, Chameleon."""
