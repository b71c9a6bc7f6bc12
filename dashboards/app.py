"""The server behind `fengqiao serve`: Streamlit with the pages, sign-in, the read-only interface, and the fonts.

The script that Streamlit runs is `pages/start.py`. It must not lie beside the folder `pages`: there Streamlit takes
every file of the folder for a page of its own until `st.navigation` has been called once, and answers the first deep
link with "Page not found".
"""

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from streamlit.starlette import App
from streamlit.web.server.starlette import starlette_auth_routes

from dashboards import access, api, rows, selection
from dashboards.pages import frame

HERE = Path(__file__).parent
A_DAY = "public, max-age=86400"


class Fonts(StaticFiles):
    """Static files that a browser may keep for a day."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = A_DAY
        return response


@asynccontextmanager
async def frozen(_: App) -> AsyncIterator[None]:
    """Read what every page reads, and keep it and what the imports left out of the collector's sight.

    Streamlit collects all garbage after every run of the script: 45 ms, most of what a page costs. At the end all is
    given back, or the libraries complain that their objects are still there.
    """
    _read_ahead()
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def _read_ahead() -> None:
    """The words of the pages, and of the newest release what every page's choices need."""
    newest = rows.newest_release(rows.edition())
    source = rows.source_of(rows.edition(), newest) if newest else None
    if source:
        for levels in {selection.LEVELS[page] for page in frame.SCRIPTS}:
            rows.offered(source, levels)


def _secrets() -> dict[str, object] | None:
    """What sign-in needs; none where the edition is public or the office has set up no sign-in."""
    needs_sign_in = rows.edition() == "internal" and access.has_sign_in()
    return {"auth": access.sign_in_settings()} if needs_sign_in else None


logging.getLogger(starlette_auth_routes.__name__).addFilter(access.in_a_sentence)
fonts = Mount("/app/static", Fonts(directory=HERE / "static", check_dir=False))
app = App(HERE / "pages" / "start.py", routes=[fonts, *api.routes], secrets=_secrets(), lifespan=frozen)
