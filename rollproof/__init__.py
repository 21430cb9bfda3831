"""The command line of rollproof."""

__version__ = "0.1.0"
