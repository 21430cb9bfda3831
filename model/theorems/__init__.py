"""What is promised of the protocol: theorems by subject, the lemmas that prove them, and the words they are written in.

Each property is stated once, as a function of `Logic`; `values` reads it on states of the reference. May import
`reference` and nothing else of ours.
"""
