"""The least a page can be: one element, served as our pages are."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from streamlit.starlette import App


@asynccontextmanager
async def frozen(_: App) -> AsyncIterator[None]:
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


app = App(Path(__file__).with_name("bare_page.py"), lifespan=frozen)
