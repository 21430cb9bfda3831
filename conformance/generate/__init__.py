"""Where the cases come from: `python -m rollproof.conformance.generate` writes them into `conformance/cases`.

`authored` holds those written by hand; `derived` makes those of single transitions from the model. May import
everything else in `conformance`.
"""
