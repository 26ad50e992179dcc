"""The function app: registers blueprints, nothing else."""

import azure.durable_functions as df
import azure.functions as func

from shared.hubs.inventory.routes import seeing
from shared.hubs.routes import hubs
from shared.lifecycle.upgrade.routes import upgrades
from shared.meta.routes import meta
from shared.notifications.routes import notifications
from shared.power.routes import power
from shared.runs.activities import activities
from shared.runs.orchestrators import orchestrators
from shared.runs.routes import runs

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
for blueprint in (meta, hubs, seeing, runs, upgrades, power, orchestrators, activities, notifications):
    app.register_functions(blueprint)
