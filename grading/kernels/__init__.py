"""Kernels that start in a fraction of the time: forked from a process that has imported everything.

`forkserver` is that process, `client` speaks with it, and `provisioner` is what Jupyter knows it by: the kernel
provisioner `servelab-warm` (an entry point). A kernelspec may ask for it, as a course's does (nbgrader itself is left
as it is), or a process may take it for all kernels that it starts, as `servelab run` does.
"""
