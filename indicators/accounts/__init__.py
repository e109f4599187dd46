"""What workers report, beside what the sensors saw at that moment, and what they missed."""
