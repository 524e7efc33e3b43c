"""``python -m audiolab`` is the ``audiolab`` command."""

from audiolab.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
