{# Each version ends after it begins, and of one `id` no two current versions share a moment. #}
{% test valid_ranges(model, id) %}

with

versions as (

    select
        {{ id }} as id,
        valid_from,
        coalesce(valid_to, 'infinity') as valid_to,
        _superseded_in

    from {{ model }}

),

current_versions as (

    select
        *,
        lead(valid_from) over (partition by id order by valid_from) as next_from

    from versions
    where _superseded_in is null

)

select id, valid_from, valid_to, 'ends before it begins' as fault
from versions
where valid_to <= valid_from

union all

select id, valid_from, valid_to, 'overlaps the next version' as fault
from current_versions
where next_from < valid_to

{% endtest %}
