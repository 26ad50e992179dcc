import pytest

from local.functions.routes import Match, decoded, match, ordered, route


def _routes(*templates: str) -> list[object]:
    return [each.template for each in ordered([route(template, template, ["GET"], "") for template in templates])]


def _match(template: str, path: str, method: str = "GET") -> Match:
    return match([route("f", template, ["GET"], "api")], method, path)


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("hubs/{name}", "api/hubs/r5", {"name": "r5"}),
        ("hubs/{name}", "API/Hubs/R5", {"name": "R5"}),
        ("hubs/{name}/users", "api/hubs/a b/users", {"name": "a b"}),
        ("runs/{id:int}", "api/runs/12", {"id": "12"}),
        ("files/{*rest}", "api/files/a/b/c", {"rest": "a/b/c"}),
        ("files/{*rest}", "api/files", {}),
        ("page/{number:int?}", "api/page", {}),
        ("page/{number=1}", "api/page", {"number": "1"}),
        ("page/{number=1}", "api/page/2", {"number": "2"}),
        ("{file}.{ext}", "api/openapi.json", {"file": "openapi", "ext": "json"}),
        ("openapi.json", "api/openapi.json", {}),
        ("", "api/f", {}),
    ],
)
def test_templates_match_and_give_parameters(template: str, path: str, parameters: dict[str, str]) -> None:
    assert _match(template, path) == Match("f", parameters)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("hubs/{name}", "api/hubs"),
        ("hubs/{name}", "api/hubs/r5/users"),
        ("hubs/{name}", "hubs/r5"),
        ("runs/{id:int}", "api/runs/12a"),
        ("runs/{id:guid}", "api/runs/12"),
        ("openapi.json", "api/openapixjson"),
    ],
)
def test_what_does_not_match_is_not_found(template: str, path: str) -> None:
    assert _match(template, path) == Match(None, status=404)


def test_get_brings_head_with_it() -> None:
    assert _match("hubs", "api/hubs", "HEAD").function == "f"


def test_a_method_that_no_route_takes_is_not_found_but_head_is_not_allowed() -> None:
    routes = [route("make", "hubs", ["POST"], "api")]
    assert match(routes, "DELETE", "api/hubs") == Match(None, status=404)
    assert match(routes, "HEAD", "api/hubs") == Match(None, status=405, allowed=("POST",))


def test_two_functions_may_share_a_path_by_method() -> None:
    routes = ordered([route("list", "hubs", ["GET"], "api"), route("make", "hubs", ["POST"], "api")])
    assert [match(routes, method, "api/hubs").function for method in ("GET", "POST")] == ["list", "make"]


def test_literals_go_before_parameters_and_longer_routes_before_shorter() -> None:
    assert _routes("hubs/{name}", "hubs/{name}/users", "hubs/new", "hubs/{number:int}", "hubs") == [
        "hubs/new",
        "hubs/{number:int}",
        "hubs/{name}/users",
        "hubs/{name}",
        "hubs",
    ]


def test_an_unknown_constraint_is_refused() -> None:
    with pytest.raises(ValueError, match="constraint 'colour' is not known"):
        route("f", "{name:colour}", ["GET"], "api")


def test_a_broken_template_is_refused() -> None:
    with pytest.raises(ValueError, match="not one this host can read"):
        route("f", "hubs/{name", ["GET"], "api")


def test_an_escaped_slash_stays_within_its_segment() -> None:
    assert decoded(b"/api/hubs/a%2Fb%20c/") == "api/hubs/a%2Fb c"
