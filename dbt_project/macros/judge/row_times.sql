{# Feeds whose rows have effective times of their own (`effective_at: {column: ...}` of a delta). judged.<entity>._effective_at
   holds them; NULL: the row holds since its delivery's time. An entity without such a feed has none of this in its
   statements. What is said of a key at one time is one observation, whichever delivery says it:

   - rows of one delivery with the same key and time are duplicates where they are equal, else the contract's uniqueness
     rule judges them: it counts the rows of one time;
   - of two deliveries that say different things of a key at one time, the later one's word (by the delivery's own time)
     counts; where they say the same, it is the earlier one's doing. #}
{% macro row_time(feed) %}
    {{ return(var('row_times').get(feed)) }}
{% endmacro %}

{% macro has_row_times(entity) %}
    {{ return(var('row_times').values() | selectattr('entity', 'equalto', entity) | list | length > 0) }}
{% endmacro %}

{# What else than its id tells an observation of a delivery from the others, after a comma. #}
{% macro and_its_time(feed) -%}
    {{ ', _effective_at' if row_time(feed) }}
{%- endmacro %}

{# The own effective time of a row in quarantine, as its text says it; NULL where that is none. #}
{% macro own_time_of_held(entity, held) -%}
    case {{ held }}.feed
        {%- for feed, own in var('row_times').items() if own.entity == entity %}
        when '{{ feed }}' then (select {{ own.sql }} from (select {{ held }}.raw ->> '{{ own.column }}' as told) as own_time)
        {%- endfor %}
    end
{%- endmacro %}

{# The text of a delivery's rows that says since when each holds, for `row_time(feed).sql`. #}
{% macro join_own_time(delivery) -%}
    {%- set own = row_time(delivery.feed) -%}
    {%- if own -%}
    join (
            select _row_number as row_number, {{ adapter.quote(own.column) }} as told
            from staging.delivery_{{ delivery.delivery_id }}
        ) as own_time on own_time.row_number = mapped._row_number
    {%- endif -%}
{%- endmacro %}
