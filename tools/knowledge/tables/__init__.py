"""The tables: a module here makes the table of its name.

Each has two functions. `read(pin)` yields what one release knows, as rows of text whose order does not matter.
`compose(records)` makes the table's text, with its head but for the line `# verified: …`, of the rows of every minor.
"""
