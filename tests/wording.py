"""What advice may not say, wherever it is written."""

import re

GIVES_UP = re.compile(
    r"DELETE (the|this|it)\b|DELETE /api/hubs/[^/\s]+(?=[\s,.;)]|$)|\b(?i:tear\w*)\b"
    r"|\b(?i:delete|remove|drop|give up) (the|this|your|a) hub\b|\b(?i:(re)?create|make) (the hub|a hub|it again)\b"
    r"|\b(new|second) hub\b|from scratch|\bstart over\b|to give up|POST /api/hubs with(?! another name)"
)
"""Words that propose to delete a hub, to tear it down, or to make it again."""

STIFF = re.compile(r"\b(anew|[Mm]end(s|ed)?|brought along|bring \w+ \w+ along)\b|\bcreate it so\b|, so that\b")
"""Words that a reader of English stumbles over."""
