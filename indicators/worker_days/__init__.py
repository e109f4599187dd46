"""Worker-days, the unit of exposure: joined from the logs, merged from minutes, kept, and valued."""
