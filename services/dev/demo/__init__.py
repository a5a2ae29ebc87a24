"""The main job in one command: `netledger dev demo` (or `make demo`). Real daemons and packets, nothing left.

Without root, the hosts run in a user and network namespace of their own (`unshare -Urnm`); the services and
PostgreSQL stay outside. Where that is forbidden too, or a program is missing, the demo says so and shows the
host plan instead of the packets.
"""

from services.dev.demo.run import run_demo

__all__ = ["run_demo"]
