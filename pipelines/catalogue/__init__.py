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
from pipelines.catalogue.corrections import Cell, Correction, corrections
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
from pipelines.catalogue.publication import PublicationPlan, PublicTable, publication_hash, publication_plan
from pipelines.catalogue.published import PublishedFigure, published_figures
from pipelines.catalogue.publisher import (
    Publisher,
    StatisticalMonth,
    closes_on,
    publisher,
    release_due_at,
    reporting_calendar,
)
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
    "Cell",
    "Clock",
    "Code",
    "Column",
    "Contract",
    "Correction",
    "Declared",
    "Denied",
    "DeniedHeading",
    "DeniedValue",
    "FormItem",
    "Holiday",
    "LegalBasis",
    "Measure",
    "PublicTable",
    "PublicationPlan",
    "PublishedFigure",
    "Publisher",
    "Rule",
    "Sender",
    "StatisticalMonth",
    "Target",
    "Words",
    "area_changes",
    "area_mapping",
    "areas",
    "areas_version",
    "cards",
    "closes_on",
    "code_lists",
    "consistency_reasons",
    "contract_versions",
    "contracts",
    "corrections",
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
    "publication_hash",
    "publication_plan",
    "published_areas",
    "published_figures",
    "publisher",
    "read_rows",
    "read_yaml",
    "release_due_at",
    "reporting_calendar",
    "seeds_version",
    "senders",
    "tables",
    "targets",
    "units",
    "versions_of",
    "working_days",
]
