"""Calls between parts of one copy: on this machine, so without a proxy, and over http alone.

Made by hand because an opener of urllib.request.build_opener can do https too, and reads every certificate authority of the
machine first: a twentieth of a second of processor time for each.
"""

import urllib.request

OPENER = urllib.request.OpenerDirector()
for _handler in (urllib.request.HTTPHandler, urllib.request.HTTPDefaultErrorHandler, urllib.request.HTTPErrorProcessor):
    OPENER.add_handler(_handler())
