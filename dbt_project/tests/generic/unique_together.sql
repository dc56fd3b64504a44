{# No two rows agree in all of `columns`; rows that are NULL in one of them count. `where` narrows the rows. #}
{% test unique_together(model, columns, where=none) %}

select {{ columns | join(', ') }}, count(*) as occurrences
from {{ model }}
{%- if where %}
where {{ where }}
{%- endif %}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
