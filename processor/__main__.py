"""`python -m processor`: the same as `segment-bridge`."""

from processor.cli.main import main

if __name__ == "__main__":
    main()
