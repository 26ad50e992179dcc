"""Every step that a start, a stop or a rotation of the password may have."""

from shared.runs.plan import Plan, Step

START: Plan = (
    Step("rest", "Wait until the cluster may start again after its stop", 1),
    Step("power-on", "Start the AKS cluster", 293, after=("rest",)),
    Step("usable", "Wait until the hub answers", 60, after=("power-on",)),
)

STOP: Plan = (
    Step("check", "Check that the hub can be started again", 2),
    Step("people", "Warn the people who use the hub", 60, after=("check",), longest=14 * 3600),
    Step("servers", "Stop their servers", 15, after=("people",)),
    Step("new-password", "Create a new password if the old one ends too soon", 1, after=("servers",)),
    Step("give-password", "Give the new password to the cluster", 1, after=("new-password",)),
    Step("old-passwords", "Delete the old password", 1, after=("give-password",)),
    Step("power-off", "Stop the AKS cluster", 109, after=("old-passwords",)),
)

ROTATE: Plan = (
    Step("check", "Check the password", 2),
    Step("new-password", "Create a new password", 3, after=("check",)),
    Step("give-password", "Give the new password to the cluster", 600, after=("new-password",)),
    Step("old-passwords", "Delete the old password", 2, after=("give-password",)),
)

PASSWORD = ("new-password", "give-password", "old-passwords")
"""The steps that replace the password of a service principal."""
