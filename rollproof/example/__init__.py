"""A small worked example of a protocol of one's own: what `rollproof new-protocol` writes."""
