{%- set counts = ['first_doses', 'completed'] -%}
with

{% for count in counts -%}
{{ count }} as (

    {{ cumulative_changes('vaccination_total', by=['school_number'], value=count) }}

),

{% endfor -%}
every as (

    {% for count in counts -%}
    select '{{ count }}' as counted, {{ count }}.* from {{ count }} where kind <> 'baseline'
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    school_number,
    counted,
    day,
    min(since) as since,
    sum(new_cases)::bigint as added,
    sum(correction)::bigint as correction,
    feed

from every
where school_number not in (select school_number from {{ ref('known_ignored_schools') }})
group by school_number, counted, day, feed
