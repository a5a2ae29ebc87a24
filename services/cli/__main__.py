"""`python -m services.cli`: what `netledger up` starts its roles with."""

from services.cli import main

main()
