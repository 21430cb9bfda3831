"""Real, shipped implementations: installed, judged, and compared with what is published."""
