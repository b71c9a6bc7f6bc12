"""JSON schemas of what is declared in YAML, derived from the models: for editors, which then know every key and name."""

from collections.abc import Mapping
from typing import Any

from pipelines.catalogue.cards import Card
from pipelines.catalogue.codes import code_lists, units
from pipelines.catalogue.contracts import Contract
from pipelines.catalogue.declaring import Declared
from pipelines.catalogue.measures import Measure, measures

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schemas() -> Mapping[str, dict[str, Any]]:
    """Folder of `seeds/` -> schema of a file in it: a card, the measures of a system by their id, a contract."""
    card, contract, measure = (_of_a_file(model) for model in (Card, Contract, Measure))
    for key in ("numerator", "denominator", "denominator_with", "censored", "void_where"):
        _one_of(card["properties"][key], sorted(measures()))
    for model in (card, measure):
        _one_of(model["properties"]["unit"], sorted(units()))
        _one_of(model["properties"]["breakdowns"]["items"], sorted(code_lists()))
    by_id = {"type": "object", "additionalProperties": measure, "$defs": measure.pop("$defs")}
    said = {"indicators": card, "measures": by_id, "contracts": contract}
    return {folder: {"$schema": DIALECT, **schema} for folder, schema in said.items()}


def _of_a_file(model: type[Declared]) -> dict[str, Any]:
    """The schema of a model whose id is the name of its file, or the key it stands under."""
    schema = model.model_json_schema()
    schema["properties"].pop("id")
    schema["required"].remove("id")
    return schema


def _one_of(schema: dict[str, Any], names: list[str]) -> None:
    """Let a text be one of these names; where it may also be null it still may."""
    said = next((choice for choice in schema.get("anyOf", []) if choice.get("type") == "string"), schema)
    said["enum"] = names
