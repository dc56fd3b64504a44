{# Open versions that end now: the row that said "open" is superseded ... #}
{% macro supersede_sql(entity, relation, run) %}
    {%- set id = entity ~ '_id' -%}
    update {{ relation }} as dimension
    set _superseded_in = {{ run }}
    from folded
    where folded.seq = 0
        and folded.valid_to is not null
        and dimension.{{ id }} = folded.id
        and dimension._superseded_in is null
        and dimension.valid_to is null
{% endmacro %}


{# ... by a copy with its end; and the versions that begin in this run are inserted, masked on their way. #}
{% macro insert_sql(entity, relation, sql, run) %}
    {%- set id = entity ~ '_id' -%}
    {%- set columns = [id] + history_columns(entity) + ['_feed', '_fingerprint', '_delivery_id', '_row_number'] -%}
    insert into {{ relation }}
        ({% for column in columns %}{{ adapter.quote(column) }}, {% endfor %}valid_from, valid_to, _recorded_in)
    select
        {% for column in columns %}dimension.{{ adapter.quote(column) }}, {% endfor %}
        dimension.valid_from, folded.valid_to, {{ run }}
    from {{ relation }} as dimension
    join folded on folded.id = dimension.{{ id }} and folded.seq = 0
    where dimension._superseded_in = {{ run }}
    union all
    select
        {% for column in columns %}masked.{{ adapter.quote(column) }}, {% endfor %}
        folded.valid_from, folded.valid_to, {{ run }}
    from ({{ sql }}) as masked
    join folded on folded.delivery_id = masked._delivery_id and folded.row_number = masked._row_number
    where folded.seq > 0 and masked._delivery_id = any (array(select delivery_id from folding))
{% endmacro %}
