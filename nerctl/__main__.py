"""`python -m nerctl` is `nerctl`."""

from nerctl.cli import main

if __name__ == "__main__":
    main()
