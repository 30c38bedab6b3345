"""Kernels for grading that start in a fraction of the time: forked from a process that has imported everything.

`forkserver` is that process, `client` speaks with it, and `provisioner` is what Jupyter knows it by: the kernel
provisioner `servelab-warm` (an entry point), which a kernelspec asks for. nbgrader itself is left as it is.
"""
