"""Many cases against one implementation, random schedules beyond them, and failing ones made small.

May import `conformance.judge`, `conformance.report` and what those import.
"""
