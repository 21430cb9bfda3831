"""Reports of a run of the suite as text, diagrams, JUnit XML and one HTML page.

May import `conformance.runner`.
"""
