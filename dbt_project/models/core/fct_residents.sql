-- grain: one row a district and year: its residents by the best figure, census before sample before police registration, then the newest
{{ made_of(['population']) }}
with figures as (select * from {{ ref('stg_population') }}),

areas as (select * from {{ ref('dim_areas') }}),

districts as (select distinct parent_code as area_code from areas where level = 'township' and not is_not_assigned),

ranked as (
    select
        figures.*,
        row_number() over (
            partition by figures.area_code, figures.year
            order by
                case figures.basis when 'census' then 1 when 'sample' then 2 else 3 end,
                figures.published_on desc,
                figures.ledger_sequence desc,
                figures.row_number desc
        ) as figure_rank
    from figures
    inner join districts on figures.area_code = districts.area_code
    where figures.residents is not null
)

select
    case_key,
    cell_number,
    area_code,
    year,
    basis,
    residents
from ranked
where figure_rank = 1
