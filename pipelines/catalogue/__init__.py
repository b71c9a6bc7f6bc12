"""The declarations under `seeds/`, read into frozen models, one module for each kind of them.

Everything raises `UserError` naming file, line and key when a declaration is wrong.
"""

from pipelines.catalogue.areas import (
    FOLDED_INTO_NBS2023,
    LEVELS,
    NOT_ASSIGNED,
    Area,
    AreaChange,
    area_changes,
    area_mapping,
    areas,
    areas_version,
    load_areas,
    padded,
    published_areas,
)
from pipelines.catalogue.cards import Card, Target, cards, targets
from pipelines.catalogue.codes import Code, code_lists, units
from pipelines.catalogue.contracts import (
    NO_SUCH_CASE,
    STORED,
    Carried,
    Clock,
    Column,
    Contract,
    Rule,
    consistency_reasons,
    contract_versions,
    contracts,
    load_contract,
    tables,
    versions_of,
)
from pipelines.catalogue.declaring import (
    Declared,
    LegalBasis,
    Words,
    heading,
    load_declared,
    read_rows,
    read_yaml,
    seeds_version,
)
from pipelines.catalogue.denied import Denied, DeniedHeading, DeniedValue, denied
from pipelines.catalogue.holidays import Holiday, holidays, working_days
from pipelines.catalogue.measures import FormItem, Measure, form_lines, measures
from pipelines.catalogue.published import PublishedFigure, published_figures
from pipelines.catalogue.schemas import json_schemas
from pipelines.catalogue.senders import Sender, senders

__all__ = [
    "FOLDED_INTO_NBS2023",
    "LEVELS",
    "NOT_ASSIGNED",
    "NO_SUCH_CASE",
    "STORED",
    "Area",
    "AreaChange",
    "Card",
    "Carried",
    "Clock",
    "Code",
    "Column",
    "Contract",
    "Declared",
    "Denied",
    "DeniedHeading",
    "DeniedValue",
    "FormItem",
    "Holiday",
    "LegalBasis",
    "Measure",
    "PublishedFigure",
    "Rule",
    "Sender",
    "Target",
    "Words",
    "area_changes",
    "area_mapping",
    "areas",
    "areas_version",
    "cards",
    "code_lists",
    "consistency_reasons",
    "contract_versions",
    "contracts",
    "denied",
    "form_lines",
    "heading",
    "holidays",
    "json_schemas",
    "load_areas",
    "load_contract",
    "load_declared",
    "measures",
    "padded",
    "published_areas",
    "published_figures",
    "read_rows",
    "read_yaml",
    "seeds_version",
    "senders",
    "tables",
    "targets",
    "units",
    "versions_of",
    "working_days",
]
