"""``python -m pipeline`` is ``xuncha``."""

from pipeline.cli import main

if __name__ == "__main__":
    main()
