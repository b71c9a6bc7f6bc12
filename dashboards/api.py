"""The read-only interface beside the pages: releases, indicators, areas, figures and whole tables as JSON, CSV, XLSX, Parquet;
figures of one indicator and period as a picture.

It answers from the same release, through the same scope as the pages: where sign-in is on, a request without a valid
session gets 401, and nothing outside the person's areas is in any answer.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from dashboards import access, files, rows
from dashboards.access import NotAdmitted, Person
from dashboards.rows import Source
from dashboards.sections import breakdowns, comparing, review
from dashboards.wording import Figure, Language, say
from pipelines import catalogue
from pipelines.settings import UserError

MOST_FIGURES = 200_000
MOST_CELLS: Mapping[str, int] = {"xlsx": 500_000, "json": 500_000, "csv": 20_000_000}  # Parquet has no end
MEDIA_TYPES: Mapping[str, str] = files.TYPES | {"svg": files.PICTURE}


class Refused(Exception):
    """A request that is not answered: its status and one sentence."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True)
class Asked:
    """A request with the release that answers it."""

    parameters: Mapping[str, str]
    source: Source
    language: Language
    path: Mapping[str, str]


def person_of(request: Request) -> Person:
    """Whoever asks. Raises `Refused` where sign-in is on and the session is not admitted."""
    if rows.edition() == "public" or not access.has_sign_in():
        return Person("", None)

    def cookie(name: str) -> bytes | None:
        value = request.cookies.get(name)
        return None if value is None else decode_signed_value(get_cookie_secret(), name, value.encode("latin-1"))

    signed = get_cookie_with_chunks(cookie, USER_COOKIE_NAME)
    if signed is None:
        raise Refused(HTTPStatus.UNAUTHORIZED, "Sign in first.")
    try:
        return access.admitted(json.loads(signed))
    except NotAdmitted as error:
        raise Refused(HTTPStatus.FORBIDDEN, say(f"sign_in.{error.reason}", "en")) from None


def _answering(answer: Callable[[Asked], Response]) -> Callable[[Request], Response]:
    """Let a function answer requests; what is refused becomes a status and a sentence."""

    @wraps(answer)
    def respond(request: Request) -> Response:
        try:
            response = answer(_asked(request, person_of(request)))
        except Refused as error:
            response = JSONResponse({"error": error.sentence}, error.status)
        except UserError as error:
            response = JSONResponse({"error": str(error)}, HTTPStatus.BAD_REQUEST)
        response.headers["Cache-Control"] = "no-store" if access.has_sign_in() else "no-cache"
        return response

    return respond


def _asked(request: Request, person: Person) -> Asked:
    parameters = dict(request.query_params)
    release = parameters.get("release") or rows.newest_release(rows.edition())
    source = rows.source_of(rows.edition(), release, person.scope) if release else None
    if source is None:
        raise Refused(HTTPStatus.NOT_FOUND, f"Release {release} does not exist.")
    return Asked(parameters, source, "en" if parameters.get("lang") == "en" else "zh", request.path_params)


@_answering
def release(asked: Asked) -> Response:
    """What the release says of itself. Row counts by sender are left out where a reader sees some areas only."""
    about = dict(rows.metadata(asked.source))
    if asked.source.scope is not None:
        about.pop("sources", None)
    return JSONResponse(about)


@_answering
def indicators(asked: Asked) -> Response:
    """The cards, with all their words."""
    return JSONResponse([card.model_dump(mode="json") for card in rows.ordered_cards(asked.source)])


@_answering
def areas(asked: Asked) -> Response:
    """The areas that the reader sees."""
    places = rows.places(asked.source).values()
    found = [
        {"area_code": p.code, "name_zh": p.name.zh, "name_en": p.name.en, "level": p.level, "parent_code": p.parent}
        for p in places
    ]
    return JSONResponse(found)


@_answering
def figures(asked: Asked) -> Response:
    """Figures by indicator, area, period and breakdown; a single one that the release does not hold is computed."""
    wanted = {name: _list(asked, name) for name in ("indicator", "area", "period")}
    wanted["period"] += _months(asked)
    missing = [name for name, codes in wanted.items() if not codes]
    if missing:
        raise Refused(HTTPStatus.BAD_REQUEST, f"Say {', '.join(missing)}; several are separated by commas.")
    _check(asked, wanted)
    breakdown = asked.parameters.get("by") or "total"
    areas = [catalogue.padded(code) for code in wanted["area"]]
    shown = rows.figures(asked.source, wanted["indicator"], areas, wanted["period"], breakdown)
    if not shown and all(len(codes) == 1 for codes in wanted.values()):
        shown = _computed(asked, wanted["indicator"][0], areas[0], wanted["period"][0], breakdown)
    if len(shown) > MOST_FIGURES:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"More than {MOST_FIGURES:,} figures; ask for fewer.")
    form = _form(asked, "json", ("json", "csv", "xlsx", "svg"))
    name = "_".join(("fengqiao", asked.source.id, *wanted["indicator"][:1]))
    content = (
        _picture(asked, wanted, breakdown, shown)
        if form == "svg"
        else files.figures_as(form, asked.source, shown, asked.language)
    )
    return _file(content, form, name)


def _picture(asked: Asked, wanted: Mapping[str, list[str]], breakdown: str, shown: tuple[Figure, ...]) -> bytes:
    """Bars or points: of the categories of one area, else of areas under the first one named."""
    places = [rows.places(asked.source)[catalogue.padded(code)] for code in wanted["area"]]
    is_of_one = len(wanted["indicator"]) == len(wanted["period"]) == 1 and (breakdown == "total" or len(places) == 1)
    if not is_of_one or not shown:
        sentence = "A picture shows one indicator in one period: areas, or the categories of one area, with figures."
        raise Refused(HTTPStatus.BAD_REQUEST, sentence)
    card, period = rows.cards(asked.source)[wanted["indicator"][0]], wanted["period"][0]
    if breakdown != "total":
        return breakdowns.picture(asked.source, card, places[0], shown, period, asked.language)
    return comparing.picture(asked.source, card, places[0], places[1:], shown, period, asked.language)


def _computed(asked: Asked, indicator: str, area: str, period: str, breakdown: str) -> tuple[Figure, ...]:
    release = rows.opened(asked.source)
    return rows.as_figures(release.answer(indicator, area, period, breakdown)) if release.computes() else ()


def _check(asked: Asked, wanted: Mapping[str, list[str]]) -> None:
    """Raises `Refused` for an indicator or area that is not there, for this reader."""
    unknown = [name for name in wanted["indicator"] if name not in rows.cards(asked.source)]
    unknown += [code for code in wanted["area"] if catalogue.padded(code) not in rows.places(asked.source)]
    if unknown:
        sentence = f"{', '.join(unknown)}: no such indicator or area in release {asked.source.id}."
        raise Refused(HTTPStatus.NOT_FOUND, sentence)


def _list(asked: Asked, name: str) -> list[str]:
    return [part.strip() for part in asked.parameters.get(name, "").split(",") if part.strip()]


def _months(asked: Asked) -> list[str]:
    """The single months of `months=2023-01..2025-12`."""
    first, _, last = asked.parameters.get("months", "").partition("..")
    return [month for month in rows.months(asked.source) if first and first <= month <= (last or first)]


@_answering
def table(asked: Asked) -> Response:
    """A whole table of the release, cut down to what the reader sees."""
    name, _, form = asked.path["table"].partition(".")
    release = rows.opened(asked.source)
    if name not in table_names(asked.source) or form not in files.TYPES:
        known = ", ".join(table_names(asked.source))
        raise Refused(HTTPStatus.NOT_FOUND, f"Tables: {known}; endings: {', '.join(files.TYPES)}.")
    file_name = f"fengqiao_{asked.source.id}_{name}"
    if not fits(asked.source, name, form):
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{name} is too large for {form}; take parquet.")
    if form == "parquet" and asked.source.scope is None:
        return FileResponse(release.folder / f"{name}.parquet", filename=f"{file_name}.parquet")
    return _file(files.table_as(form, release.table(name)), form, file_name)


def fits(source: Source, table: str, form: str) -> bool:
    """Whether a table may be taken in a form; the largest ones are Parquet only."""
    most = MOST_CELLS.get(form)
    return most is None or rows.cells_of(source, table) <= most


def table_names(source: Source) -> tuple[str, ...]:
    """The tables of the release."""
    return tuple(sorted(path.stem for path in rows.opened(source).folder.glob("*.parquet")))


@_answering
def document(asked: Asked) -> Response:
    """A document made for an area that the reader sees whole."""
    wanted = review.folder(asked.source) / asked.path["name"]
    own = (path for code in _named(asked) for path in review.files_of(asked.source, code))
    if wanted not in own:
        raise Refused(HTTPStatus.NOT_FOUND, "There is no such document.")
    return FileResponse(wanted, filename=wanted.name)


def _named(asked: Asked) -> list[str]:
    """The reader's areas that the name of a document says."""
    parts = asked.path["name"].partition(".")[0].split("-")
    codes = {catalogue.padded(part) for part in parts if part.isdigit()}
    return [code for code in codes if code in rows.places(asked.source)]


def _form(asked: Asked, usual: str, known: tuple[str, ...]) -> str:
    form = asked.parameters.get("format", usual)
    if form not in known:
        raise Refused(HTTPStatus.BAD_REQUEST, f"format is one of {', '.join(known)}.")
    return form


def _file(content: bytes, form: str, name: str) -> Response:
    headers = {} if form == "json" else {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Response(content, media_type=MEDIA_TYPES[form], headers=headers)


@_answering
def unknown(asked: Asked) -> Response:
    """Anything else below /api; without this the pages would answer with themselves."""
    raise Refused(HTTPStatus.NOT_FOUND, "There is no such path; /api/openapi.json names those there are.")


@_answering
def description(asked: Asked) -> Response:
    """The OpenAPI description of all this."""
    return JSONResponse(openapi(asked.source))


def _parameter(name: str, text: str, *, where: str = "query", example: str = "") -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    given = {"name": name, "in": where, "description": text, "schema": schema, "required": where == "path"}
    return given | ({"example": example} if example else {})


def openapi(source: Source) -> dict[str, Any]:
    """OpenAPI 3.1: every path with its parameters and forms."""
    release = _parameter("release", "A release; by default the newest.", example=source.id)
    language = _parameter("lang", "zh or en: the language of labels and headings.", example="zh")
    asked = [
        _parameter("indicator", "Indicator ids, separated by commas.", example="mediation_accepted"),
        _parameter("area", "Area codes of 6, 9 or 12 digits, separated by commas.", example="420500"),
        _parameter("period", "Period ids, separated by commas: 2025, 2025-H1, 2025-Q3, 2025-10, 2025-01..2025-10."),
        _parameter("months", "All single months of a span, such as 2023-01..2025-12."),
        _parameter("by", "A breakdown of the indicator, such as channel."),
        _parameter("format", "json (default), csv, xlsx, or svg: bars or points of one indicator in one period."),
    ]
    tables = ", ".join(table_names(source))
    told = {
        "/api/release": ("The release: cutoff, sources, policies.", [release], ["json"]),
        "/api/indicators": ("All cards.", [release], ["json"]),
        "/api/areas": ("All areas.", [release], ["json"]),
        "/api/figures": (
            "Figures with their numerators, changes and marks.",
            [*asked, language, release],
            ["json", "csv", "xlsx", "svg"],
        ),
        "/api/tables/{table}": (
            f"A whole table, named table.ending: {tables}.",
            [_parameter("table", "Table and ending, such as areas.csv.", where="path", example="areas.csv"), release],
            list(files.TYPES),
        ),
    }
    paths = {path: {"get": _operation(path, *what)} for path, what in told.items()}
    info = {
        "title": say("product", "en"),
        "version": source.id,
        "description": "Read-only. Values are NULL with a status where absent.",
    }
    return {"openapi": "3.1.0", "info": info, "paths": paths}


def _operation(path: str, summary: str, parameters: list[dict[str, Any]], forms: list[str]) -> dict[str, Any]:
    content = {MEDIA_TYPES[form].partition(";")[0]: {} for form in forms}
    answers = {"200": {"description": "Found.", "content": content}}
    answers |= {"400": {"description": "Asked wrongly."}, "401": {"description": "Not signed in."}}
    answers |= {"403": {"description": "Signed in without a role or area."}, "404": {"description": "No such thing."}}
    name = path.removeprefix("/api/").partition("/")[0]
    return {"operationId": name, "summary": summary, "parameters": parameters, "responses": answers}


ANSWERS: Mapping[str, Callable[[Request], Response]] = {
    "release": release,
    "indicators": indicators,
    "areas": areas,
    "figures": figures,
    "tables/{table}": table,
    "documents/{name}": document,
    "openapi.json": description,
    "{path:path}": unknown,
}
routes = [Route(f"/api/{path}", answer, methods=["GET"]) for path, answer in ANSWERS.items()]
