{# The rows of an entity of the United States with the city and county that the table of places has for their ZIP code. #}
{% macro with_place(entity, zip) %}
select
    subject.{{ entity }}_id,
    left(subject.{{ zip }}, 5) as zip,
    subject.city,
    subject.state,
    places.name as place_city,
    places.county as place_county,
    lower(subject.city) = lower(places.name) as city_agrees

from {{ ref(entity) }} as subject
left join {{ ref('place') }} as places
    on places.country = 'US'
    and places.kind = 'zip'
    and places.code = left(subject.{{ zip }}, 5)
    and places.state = subject.state
{% endmacro %}
