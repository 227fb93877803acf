"""`python -m tilework`: the same as the `tilework` command, for launchers of several processes."""

from tilework.cli import main

if __name__ == "__main__":
    main()
