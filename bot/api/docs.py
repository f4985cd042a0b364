"""Shows the API to people: one page, made from the document, that needs nothing from elsewhere."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.markup import Markup, join, tag

type Page = Mapping[str, Any]

STYLE = "/v1/docs.css"
_REF = "#/components/schemas/"
_DONE = ("2", "3")


def page(document: Page, address: str) -> str:
    """Make the page; `address` is where this gateway is reached, for the curl lines."""
    title = f"{document['info']['title']} API"
    top = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="stylesheet", href=STYLE),
    )
    found = list(_operations(document))
    body = tag(
        "body",
        tag(
            "header",
            tag("h1", title),
            *(
                tag("p", _words(text))
                for text in document["info"]["description"].strip().split("\n\n")
            ),
            tag("p", tag("a", "The OpenAPI 3.1 document", href="/v1/openapi.json")),
        ),
        _contents(found),
        tag("main", *(_operation(document, one, address) for one in found), _schemas(document)),
    )
    return "<!doctype html>\n" + tag("html", top, body, lang="en")


def _operations(document: Page) -> Iterator[Page]:
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            yield {**told, "path": path, "method": method.upper()}


def _contents(operations: Iterable[Page]) -> Markup:
    listed = [
        tag("li", tag("a", _signature(one), tag("small", one["summary"]), href=_place(one)))
        for one in operations
    ]
    return tag("nav", tag("h2", "Operations", id="operations"), tag("ol", *listed))


def _place(operation: Page) -> str:
    return f"#{operation['operationId']}"


def _signature(operation: Page) -> Markup:
    method = tag("b", operation["method"], class_="method")
    return tag("code", method, f" {operation['path']}")


def _operation(document: Page, operation: Page, address: str) -> Markup:
    scopes = [tag("code", scope) for one in operation["security"] for scope in one["key"]]
    told = [
        tag("p", _words(text)) for text in operation.get("description", "").split("\n\n") if text
    ]
    return tag(
        "section",
        tag("h2", operation["summary"]),
        tag("p", _signature(operation), class_="signature"),
        *told,
        tag("p", "Scope: ", *scopes, class_="scopes"),
        _parameters(operation),
        _body(document, operation),
        tag("pre", tag("code", _curl(document, operation, address)), tabindex="0"),
        _responses(operation),
        id=operation["operationId"],
    )


def _parameters(operation: Page) -> Markup:
    rows = [
        tag(
            "tr",
            tag("td", tag("code", one["name"])),
            tag("td", one["in"]),
            tag("td", _type(one["schema"])),
            tag("td", _words(one["description"])),
        )
        for one in operation["parameters"]
    ]
    return _table(("Parameter", "In", "Type", "What it is"), rows) if rows else join()


def _body(document: Page, operation: Page) -> Markup:
    if "requestBody" not in operation:
        return join()
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return join(tag("p", "Body: ", _type(schema)), _fields(_resolved(document, schema)))


def _responses(operation: Page) -> Markup:
    rows = []
    for status, told in sorted(operation["responses"].items()):
        kind = "done" if status.startswith(_DONE) else "problem"
        shapes = [_type(one["schema"]) for one in told.get("content", {}).values()]
        rows.append(
            tag(
                "tr",
                tag("td", tag("b", status, class_=kind)),
                tag("td", _words(told["description"])),
                tag("td", *shapes),
            )
        )
    return _table(("Answer", "When", "Shape"), rows)


def _schemas(document: Page) -> Markup:
    shapes = [
        tag(
            "section",
            tag("h3", name),
            tag("p", _words(schema.get("description", ""))),
            _fields(schema),
            id=f"schema-{name}",
        )
        for name, schema in document["components"]["schemas"].items()
    ]
    return join(tag("h2", "Shapes", id="shapes"), *shapes)


def _fields(schema: Page) -> Markup:
    required = schema.get("required", ())
    rows = [
        tag(
            "tr",
            tag("td", tag("code", name), "" if name in required else tag("small", " optional")),
            tag("td", _type(field)),
            tag("td", _words(field.get("description", ""))),
        )
        for name, field in schema.get("properties", {}).items()
    ]
    return _table(("Field", "Type", "What it is"), rows) if rows else join()


def _table(names: Iterable[str], rows: Iterable[Markup]) -> Markup:
    head = tag("tr", *(tag("th", name, scope="col") for name in names))
    table = tag("table", tag("thead", head), tag("tbody", *rows))
    return tag("div", table, class_="wide", tabindex="0")


def _words(text: str) -> Markup:
    """Show what stands between back quotes as code."""
    parts = text.split("`")
    return join(*(tag("code", part) if odd % 2 else part for odd, part in enumerate(parts)))


def _type(schema: Page) -> Markup:
    """Tell what a value may be, in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REF)
        return tag("a", name, href=f"#schema-{name}")
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return _between([_type(choice) for choice in choices], " or ")
    if "enum" in schema:
        return _between([tag("code", str(value)) for value in schema["enum"]], ", ")
    if "const" in schema:
        return tag("code", str(schema["const"]))
    if schema.get("type") == "array":
        return join("list of ", _type(schema.get("items", {})))
    return join(schema.get("format") or schema.get("type", "any"), _limits(schema))


def _limits(schema: Page) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None and high is None:
        return ""
    return f", {low} to {high}" if high is not None else f", {low} or more"


def _between(parts: Iterable[Markup], word: str) -> Markup:
    first, *others = parts
    return join(first, *(piece for other in others for piece in (word, other)))


def _resolved(document: Page, schema: Page) -> Page:
    if "$ref" not in schema:
        return schema
    found: Page = document["components"]["schemas"][schema["$ref"].removeprefix(_REF)]
    return found


def _curl(document: Page, operation: Page, address: str) -> str:
    method = "" if operation["method"] == "GET" else f" -X {operation['method']}"
    lines = [f"curl{method} -H 'Authorization: Bearer ask_…'"]
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        example = json.dumps(_example(document, schema), ensure_ascii=False)
        lines += ["  -H 'Content-Type: application/json'", f"  -d '{example}'"]
    lines.append(f"  '{address}{operation['path']}'")
    return " \\\n".join(lines)


def _example(document: Page, schema: Page) -> Any:
    """Give a value of a schema; of an object, with what must be there."""
    schema = _resolved(document, schema)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            needed = schema.get("required", ())
            fields = schema.get("properties", {})
            return {name: _example(document, fields[name]) for name in needed}
        case "array":
            return [_example(document, schema.get("items", {}))]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    return "2026-01-31T12:00:00Z" if schema.get("format") == "date-time" else "…"
