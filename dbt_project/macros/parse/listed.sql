{# A code of a closed list: as it is (capitals do not matter), or by a spelling that is declared for it. No part of a word
   is taken for the whole: "pending (not verified)" is not verified. NULL for anything else. #}
{% macro listed(cell, spellings) -%}
case lower({{ cell }})
    {%- for code, others in spellings.items() %}
    {%- for spelling in [code] + others %}
    when '{{ spelling | lower }}' then '{{ code }}'
    {%- endfor %}
    {%- endfor %}
end
{%- endmacro %}

{# Whether somebody has checked, in the wordings that say so. #}
{% macro parse_verified(cell) -%}
({{ listed(cell, {
    'true': ['verified', 'yes', 'y', '1', 'checked', 'verified and available', 'verified & available'],
    'false': ['not verified', 'unverified', 'no', 'n', '0', 'pending', 'pending (not verified)', 'to be verified'],
}) }})::boolean
{%- endmacro %}

{# `unparsed` with what may have been meant: the nearest name of a list, by target column. A rule's message shows it where
   it says {proposal}. #}
{% macro with_proposals(unparsed, proposals) -%}
({{ unparsed }}) || coalesce((
    select jsonb_build_array(jsonb_build_object('near', proposals.near))
    from (
        select jsonb_strip_nulls(jsonb_build_object(
            {%- for target, proposal in proposals.items() %}
            '{{ target }}', {{ proposal }}{{ ',' if not loop.last }}
            {%- endfor %}
        )) as near
        offset 0
    ) as proposals
    where proposals.near <> '{}'
), '[]')
{%- endmacro %}

{# The name of a list that is nearest to a cell, or NULL where none is near: a proposal, never an answer. `gives`: the
   column to take of that row instead. #}
{% macro nearest(cell, relation, column, where='true', gives=none) -%}
(
    select list.{{ gives or column }}
    from {{ relation }} as list
    where {{ where }} and reference.nearness(list.{{ column }}, {{ cell }}) >= 0.3
    order by reference.nearness(list.{{ column }}, {{ cell }}) desc, list.{{ column }}
    limit 1
)
{%- endmacro %}
