"""The chapters in reading order: each has one idea, a picture, something to try, and exercises.

Their text is in `text/`; what is drawn and checked is in the modules, each for a few chapters.
"""
