"""How fast it is: `make bench`, or `python -m tests.bench ROW...` for some of the rows. Nothing here is collected as a test.

A measurement is a function without arguments that returns rows; `tests.bench.__main__.MEASUREMENTS` names it. The bars are those
of the design: a row over its limit makes the command fail.
"""
