"""A person's browser at a hub."""

import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar


def log_in(address: str, name: str, password: str) -> str:
    """Where a person's browser ends up who fills the hub's login form in."""
    jar = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    browser.open(f"{address}/hub/login", timeout=10).close()
    xsrf = next(cookie.value for cookie in jar if cookie.name == "_xsrf")
    form = urllib.parse.urlencode({"username": name, "password": password, "_xsrf": xsrf or ""}).encode()
    with browser.open(f"{address}/hub/login?next=%2Fhub%2Fhome", data=form, timeout=10) as answer:
        return str(answer.url)
