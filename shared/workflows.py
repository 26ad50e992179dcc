"""Every kind of run, registered with the engine: to be imported by whatever runs the whole product."""

from shared.lifecycle.create import workflow as create
from shared.lifecycle.teardown import workflow as teardown
from shared.lifecycle.upgrade import workflow as upgrade
from shared.power import workflows as power
from shared.runs.workflows import workflow, workflows

__all__ = ["create", "power", "teardown", "upgrade", "workflow", "workflows"]
