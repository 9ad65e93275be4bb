"""The report writers: one format a module, found by being here."""
