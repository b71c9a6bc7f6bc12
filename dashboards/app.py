"""The server behind `fengqiao serve`: Streamlit with the pages, and the fonts with a cache header.

The script that Streamlit runs is `pages/start.py`. It must not lie beside the folder `pages`: there Streamlit takes
every file of the folder for a page of its own until `st.navigation` has been called once, and answers the first deep
link with "Page not found".
"""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from streamlit.starlette import App

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
    """Import the pages and keep what the imports left out of the collector's sight while the server runs.

    Streamlit collects all garbage after every run of the script: 45 ms, most of what a page costs. At the end all is
    given back, or the libraries complain that their objects are still there. The import waits until here because
    Streamlit's caches ask for the running server when they are declared.
    """
    import_module("dashboards.pages.frame")
    import_module("dashboards.pages.sections")
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


fonts = Mount("/app/static", Fonts(directory=HERE / "static", check_dir=False))
app = App(HERE / "pages" / "start.py", routes=[fonts], lifespan=frozen)
