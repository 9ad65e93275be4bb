"""`python -m kubepreflight`: the same as the command."""

from kubepreflight.cli import main

if __name__ == "__main__":
    main()
