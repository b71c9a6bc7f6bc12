{# Columns that always say something, all of a table looked at in one reading. #}
{% test filled(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where {{ columns | join(' is null or ') }} is null
{% endtest %}
