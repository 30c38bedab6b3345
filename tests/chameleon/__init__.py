"""An emulated Chameleon for tests: HTTP services on loopback that unmodified python-chi talks to."""
from .clock import Clock
from .emulator import Emulator
from .seed import more_hosts

__all__ = ["Clock", "Emulator", "more_hosts"]
