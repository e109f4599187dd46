"""Campaign plans: what to measure, where, on whom, how long, and what that can settle."""
