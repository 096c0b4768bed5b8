"""`python -m keeper` is `prime`."""

from keeper.cli.main import main

main()
