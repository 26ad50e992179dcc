"""What a person does with a hub: log in with the shared password, open JupyterLab, calculate."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from local.functions.web import ADMIN_KEY
from tests.cloud import Cloud, Host
from tests.stories.conftest import create, gone

pytestmark = [pytest.mark.browser, pytest.mark.story]


@pytest.fixture(scope="module")
def hub(cloud: Cloud, host: Host) -> Iterator[str]:
    """The address of a hub that was made from its name alone."""
    cloud.calm()
    host.start()
    try:
        run = create(host, {"name": "lab"})
        assert run["status"] == "succeeded", run["error"]
        yield host.get("/api/hubs/lab").json["url"]
    finally:
        gone(host, "lab")


def sign_in(page: Page, hub: str, user: str, password: str) -> None:
    page.goto(hub)
    name, secret = page.get_by_label("Username"), page.get_by_label("Password")
    name.fill(user)
    expect(secret).to_be_editable()
    secret.fill(password)
    page.get_by_role("button", name="Sign in").click()


def new_notebook(page: Page) -> Locator:
    """Opens one from JupyterLab's launcher; its first cell. What is run before the kernel answers is dropped silently."""
    page.locator(".jp-LauncherCard[data-category=Notebook]", has_text="Python 3").click()
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
    return page.locator(".jp-NotebookPanel:visible .jp-Cell").first


def test_the_shared_password_opens_jupyterlab_and_a_notebook_calculates(page: Page, hub: str, host: Host) -> None:
    password = host.get("/api/hubs/lab/password", key=ADMIN_KEY).json["password"]
    sign_in(page, hub, "ann", password)
    page.wait_for_url("**/user/ann/lab**")
    cell = new_notebook(page)
    cell.locator(".cm-content").click()
    page.keyboard.type("1+1")
    page.keyboard.press("Shift+Enter")
    expect(cell.locator(".jp-OutputArea-output")).to_have_text("2")
    expect(cell.locator(".jp-InputPrompt")).to_have_text("[1]:")


def test_a_wrong_password_opens_nothing(page: Page, hub: str) -> None:
    sign_in(page, hub, "ann", "not the password")
    expect(page.get_by_text("Invalid username or password")).to_be_visible()
    page.goto(f"{hub}user/ann/lab")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
