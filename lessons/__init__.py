"""Lessons: chapters whose exercises check themselves, the laboratory behind them, and the site that shows both.

The same code answers on the command line and in a reader's browser.
"""
