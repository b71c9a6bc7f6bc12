{# Rows are looked for by one number each, which takes a fraction of the time; those whose numbers are alike are then compared.
   The few of a part are looked for as they are. #}
{% test unique_combination(model, columns) -%}
{% if is_part(model) -%}
select {{ columns | join(', ') }}
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{%- else -%}
with numbered as (select *, {{ row_number_of(columns) }} as row_hash from {{ model }}),

alike as (
    select row_hash
    from numbered
    group by row_hash
    having count(*) > 1
)

select {{ columns | join(', ') }}
from numbered
where row_hash in (select alike.row_hash from alike)
group by {{ columns | join(', ') }}
having count(*) > 1
{%- endif %}
{%- endtest %}
