"""The rules: one risk a module, found by being here."""
