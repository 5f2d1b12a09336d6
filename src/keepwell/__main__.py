"""`python -m keepwell` is the same as `keepwell`."""

from keepwell.cli.main import main

if __name__ == "__main__":
    main()
