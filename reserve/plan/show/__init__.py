"""A plan to read: page, charts, tables, calendars, cost."""
