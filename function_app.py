"""The function app: registers blueprints, nothing else."""

import azure.durable_functions as df
import azure.functions as func

from shared.hubs.inventory.routes import seeing
from shared.hubs.routes import hubs
from shared.lifecycle.create.routes import creates
from shared.lifecycle.teardown.routes import teardowns
from shared.lifecycle.upgrade.routes import upgrades
from shared.meta.routes import meta
from shared.notifications.routes import notifications
from shared.power.routes import power
from shared.runs.activities import activities, add_steps
from shared.runs.orchestrators import orchestrators
from shared.runs.routes import runs
from shared.workflows import workflows

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
for workflow in workflows():
    add_steps(workflow)
for blueprint in (
    meta,
    hubs,
    seeing,
    creates,
    upgrades,
    teardowns,
    runs,
    power,
    orchestrators,
    activities,
    notifications,
):
    app.register_functions(blueprint)
