"""Logging in through somebody else: a hub with an OAuth provider, in a browser that knows the hub by its public name."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser import provider as openid
from tests.browser.conftest import QUIET, TIMEOUT
from tests.cloud import Cloud, Host
from tests.stories.conftest import create, gone

pytestmark = [pytest.mark.browser, pytest.mark.story]

HUB = "oauth"
LABEL = "hubkeeper-oauth-test"
CALLBACK = f"http://{LABEL}.westus.cloudapp.azure.com/hub/oauth_callback"
CLIENT_SECRET = "a client secret that nobody may see"


@pytest.fixture(scope="module")
def provider() -> Iterator[openid.Provider]:
    with openid.running(CALLBACK, CLIENT_SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def hub(cloud: Cloud, host: Host, provider: openid.Provider) -> Iterator[str]:
    """The hub's address, a public name; ada may log in, and nobody else."""
    cloud.calm()
    host.start()
    body = {
        "name": HUB,
        "access": {"dnsLabel": LABEL},
        "auth": {
            "type": "oauth",
            "clientId": openid.CLIENT_ID,
            "clientSecret": "secret://client-secret",
            "authorizeUrl": f"{provider.address}/authorize",
            "tokenUrl": f"{provider.address}/token",
            "userdataUrl": f"{provider.address}/me",
            "loginService": "the test",
            "users": ["ada"],
        },
    }
    try:
        plan = host.post("/api/hubs?dryRun=true", body)
        assert plan.status == 200, plan.json
        assert plan.json["callbackUrl"] == CALLBACK
        assert [finding["code"] for finding in plan.json["findings"]] == ["SecretNotFound"]
        assert host.put(f"/api/hubs/{HUB}/secrets/client-secret", {"value": CLIENT_SECRET}).status == 204
        run = create(host, body)
        assert run["status"] == "succeeded", run["error"]
        shown = host.get(f"/api/hubs/{HUB}").json
        assert shown["callbackUrl"] == CALLBACK
        assert CLIENT_SECRET not in str(shown) + str(run) + host.logs() + cloud.logs()
        yield shown["url"]
    finally:
        gone(host, HUB)


@pytest.fixture
def page(chromium: str, cloud: Cloud, hub: str) -> Iterator[Page]:
    """Of a browser for which the local cloud's addresses are in the public DNS."""
    name = str(urlsplit(hub).hostname)
    rows = [row for row in cloud.control.resources() if row.get("dnsSettings", {}).get("fqdn") == name]
    rules = f"--host-resolver-rules=MAP {name} {rows[0]['ipAddress']}"
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=[*QUIET, rules]) as browser,
        browser.new_context() as context,
    ):
        context.set_default_timeout(TIMEOUT)
        expect.set_options(timeout=TIMEOUT)
        yield context.new_page()


def log_in(page: Page, hub: str, account: str) -> None:
    page.goto(f"{hub}hub/login?next=%2Fhub%2Fhome")
    page.get_by_role("button", name="Sign in with the test").click()
    page.get_by_label("Account").fill(account)
    page.get_by_role("button", name="Continue").click()


def test_who_is_on_the_list_logs_in(page: Page, hub: str, provider: openid.Provider, host: Host) -> None:
    log_in(page, hub, "ada")
    expect(page.get_by_text("Start My Server")).to_be_visible()
    assert page.url == f"{hub}hub/home"
    assert "ada" in provider.logins
    users = host.get(f"/api/hubs/{HUB}/users").json["users"]
    assert [(user["name"], user["admin"]) for user in users] == [("ada", False)]


def test_who_is_not_on_the_list_is_refused(page: Page, hub: str, provider: openid.Provider, host: Host) -> None:
    log_in(page, hub, "mallory")
    expect(page.get_by_text("403")).to_be_visible()
    assert "mallory" in provider.logins  # the provider let her in; the hub does not
    page.goto(f"{hub}hub/home")
    expect(page.get_by_role("button", name="Sign in with the test")).to_be_visible()
    assert "mallory" not in str(host.get(f"/api/hubs/{HUB}/users").json)
