"""The laboratory: edited protocols judged, and sessions played, in plain values that go through a browser's worker."""
