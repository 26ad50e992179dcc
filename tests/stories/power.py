"""What the stories of power share: a hub with hours, a clock that is moved, and what is seen of the hub meanwhile."""

import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import requests

from local.functions.web import ADMIN_KEY, HOST_KEY
from tests.cloud import Cloud, Host, wait_until

ZONE = "America/Los_Angeles"
QUICK = 8
"""Virtual seconds a real one while a run is waited for: its looks at Azure are some seconds apart."""
OFFICE = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}


def local(text: str) -> datetime:
    """ "2027-01-04T08:00" in the hub's zone, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


def office(**rest: Any) -> dict[str, Any]:
    return {"timezone": ZONE, "windows": [OFFICE], **rest}


@dataclass
class Week:
    """A hub in the local cloud, with the clock in one's hands."""

    cloud: Cloud
    host: Host
    hub: str

    @property
    def now(self) -> datetime:
        return self.cloud.control.now()

    def at(self, moment: datetime) -> None:
        """Moves the clock there and sees the tick through that this makes due."""
        before = self._ticked()
        self.cloud.control.clock(moment)
        if _next_tick(before) <= moment:
            wait_until(lambda: self._ticked() >= moment, 30, f"the tick of {moment}")

    def tick(self) -> None:
        """Goes on to the next time at which the tick comes of itself."""
        self.at(_next_tick(self.now) + timedelta(seconds=1))

    def _ticked(self) -> datetime:
        """When the tick last began; it has ended when this is known."""
        file = self.cloud.state / "functions" / "timers" / "tick_power.json"
        return datetime.fromisoformat(json.loads(file.read_text())["LastUpdated"])

    # what is seen

    def seen(self) -> dict[str, Any]:
        answer = self.host.get(f"/api/hubs/{self.hub}")
        assert answer.status == 200, answer.json
        return dict(answer.json)

    def power(self) -> dict[str, Any]:
        return dict(self.seen()["power"])

    def runs(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Newest first."""
        found = self.host.get(f"/api/hubs/{self.hub}/runs?limit=200").json["runs"]
        return [run for run in found if kind in (None, run["kind"])]

    def last_run(self) -> dict[str, Any]:
        return self.runs()[0]

    def ended(self, timeout: float = 60) -> dict[str, Any]:
        """The hub's last run, once it has ended. The clock runs quicker meanwhile."""
        return self.through(self.last_run()["id"], timeout)

    def through(self, run_id: str, timeout: float = 60) -> dict[str, Any]:
        """The same for another run; `run_id` may be the Location of a 202."""
        self.cloud.control.clock(rate=QUICK)
        try:
            return self.host.wait_run(run_id, timeout)
        finally:
            self.cloud.control.clock(rate=1)

    def log(self) -> list[str]:
        return self.host.copy.log("functions").read_text(errors="replace").splitlines()

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Newest first."""
        found = self.host.get(f"/api/hubs/{self.hub}/events?limit=100").json["events"]
        return [event for event in found if kind in (None, event["kind"])]

    def decisions(self) -> list[dict[str, Any]]:
        return list(self.host.get(f"/api/hubs/{self.hub}/decisions?limit=500").json["decisions"])

    def switched(self, verb: str) -> list[str]:
        """When the cluster was asked to start or to stop, and AKS agreed."""
        path = re.compile(rf"/managedClusters/{self.hub}/{verb}\?", re.IGNORECASE)
        return [
            call["time"]
            for call in self.cloud.control.requests()
            if call["method"] == "POST" and path.search(call["path"]) and call["status"] in (0, 200, 202, 204)
        ]

    # what is done

    def ask(self, verb: str, body: Any = None, *, key: str | None = None) -> Any:
        return self.host.post(f"/api/hubs/{self.hub}/{verb}", body, key or HOST_KEY)

    def stopped(self) -> None:
        """The hub is off, whatever it was, without anybody being waited for."""
        answer = self.ask("stop/force", key=ADMIN_KEY)
        if answer.status == 202:
            assert self.through(answer.headers["Location"])["status"] == "succeeded"


def _next_tick(after: datetime) -> datetime:
    """The next whole five minutes."""
    start = after.replace(minute=after.minute - after.minute % 5, second=0, microsecond=0)
    return start + timedelta(minutes=5)


class Person:
    """Somebody who has logged in to a hub, with a server of their own."""

    def __init__(self, week: Week, name: str) -> None:
        self.name = name
        self._week = week
        self._base = week.seen()["url"]
        password = week.host.get(f"/api/hubs/{week.hub}/password", key=ADMIN_KEY).json["password"]
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.get(f"{self._base}hub/login", timeout=30).raise_for_status()
        form = {"username": name, "password": password, "_xsrf": self._session.cookies["_xsrf"]}
        entered = self._session.post(f"{self._base}hub/login", form, timeout=30, allow_redirects=False)
        assert entered.status_code == 302, entered.text
        made = self._session.post(
            f"{self._base}hub/api/users/{name}/tokens",
            json={"note": "test"},
            headers={"X-XSRFToken": self._session.cookies["_xsrf"], "Referer": f"{self._base}hub/home"},
            timeout=30,
        )
        assert made.status_code == 201, made.text
        self._token = made.json()["token"]

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        headers = {"Authorization": f"token {self._token}"}
        return requests.request(method, self._base + path, json=body, headers=headers, timeout=30)

    def spawn(self) -> None:
        answer = self.call("POST", f"hub/api/users/{self.name}/server", {})
        assert answer.status_code in (201, 202), answer.text
        wait_until(lambda: self.servers().get("", {}).get("ready"), 60, "the notebook server")

    def servers(self) -> dict[str, Any]:
        return dict(self.call("GET", f"hub/api/users/{self.name}").json()["servers"])

    def work(self, at: datetime) -> None:
        """As the notebook server reports it when somebody works in it."""
        stamp = at.isoformat()
        body = {"last_activity": stamp, "servers": {"": {"last_activity": stamp}}}
        answer = self.call("POST", f"hub/api/users/{self.name}/activity", body)
        assert answer.status_code < 300, answer.text

    def write(self, name: str, text: str) -> None:
        body = {"type": "file", "format": "text", "content": text}
        answer = self.call("PUT", f"user/{self.name}/api/contents/{name}", body)
        assert answer.status_code in (200, 201), answer.text

    def read(self, name: str) -> str:
        answer = self.call("GET", f"user/{self.name}/api/contents/{name}?content=1")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["content"])


def settle(seconds: float = 0.3) -> None:
    """Real time for something that must not happen."""
    time.sleep(seconds)
