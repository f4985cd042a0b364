"""Serves the widget's files to any shop's page: small, compressed, and asked for again cheaply."""

import re
from dataclasses import dataclass
from gzip import compress
from hashlib import sha256
from pathlib import Path

from aiohttp import web

FILES = Path(__file__).parent / "static"
LOADER = "askfirst.js"
_LOADER_AGE = "public, max-age=300"
_COMMENT = re.compile(r"^[ \t]*(?:/\*\*.*?\*/|//[^\n]*)\n", re.MULTILINE | re.DOTALL)
_MODULE_AGE = "no-cache"  # kept, but asked for again: modules of two versions never mix
_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it goes over the wire."""

    plain: bytes
    gzipped: bytes
    tag: str
    cache_control: str


def load_assets(folder: Path = FILES) -> dict[str, Asset]:
    """Every script under the folder by its path there, compressed once."""
    return {
        file.relative_to(folder).as_posix(): _asset(file) for file in sorted(folder.rglob("*.js"))
    }


def without_comments(text: str) -> str:
    """Leave out the comments that have lines of their own: nobody's browser needs them."""
    return _COMMENT.sub("", text)


def setup(app: web.Application) -> None:
    """Serve the widget under `/widget/`; a name that is not one of its files is 404."""
    assets = load_assets()

    async def serve(request: web.Request) -> web.Response:
        asset = assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound(headers=_HEADERS)
        return _response(request, asset)

    app.router.add_get("/widget/{name:.+}", serve, name="widget")


def _asset(file: Path) -> Asset:
    plain = without_comments(file.read_text()).encode()
    age = _LOADER_AGE if file.name == LOADER else _MODULE_AGE
    return Asset(plain, compress(plain, 9, mtime=0), sha256(plain).hexdigest()[:20], age)


def _response(request: web.Request, asset: Asset) -> web.Response:
    headers = {**_HEADERS, "Cache-Control": asset.cache_control, "ETag": f'W/"{asset.tag}"'}
    known = request.if_none_match or ()
    if any(etag.value in {asset.tag, "*"} for etag in known):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = "text/javascript; charset=utf-8"
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=asset.plain, headers=headers)
    return web.Response(body=asset.gzipped, headers={**headers, "Content-Encoding": "gzip"})
