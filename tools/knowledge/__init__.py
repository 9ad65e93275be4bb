"""Makes the tables of what each minor of Kubernetes knows, from the Go modules that it is published as.

In two steps, so that the second is cheap enough to check in every test run: `read` writes down what one minor knows, in
`records/` (one file for each table and minor); `compose` makes the table of all the records.
"""
