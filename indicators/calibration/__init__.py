"""Two postures and the microphone check: judged, asked for live, and kept as dated records."""
