"""The run record: a folder in which every measuring step runs once and is never lost."""

from snippets.record.run import MODES, Record, Run, default_runs, latest_run, load_record, open_run

__all__ = ["MODES", "Record", "Run", "default_runs", "latest_run", "load_record", "open_run"]
