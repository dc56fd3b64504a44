{# Of one `id` at most one current version is open. #}
{% test one_open_version(model, id) %}

select {{ id }}, count(*) as open_versions
from {{ model }}
where valid_to is null and _superseded_in is null
group by {{ id }}
having count(*) > 1

{% endtest %}
