{# What an erased person is known again by: HMAC-SHA256 under a key of its own, over class and normal form as a token, or
   over an entity's surrogate id. `pii.erased_key_now() as mark_key` brings the key. #}
{% macro mark(message) -%}
encode(pii.hmac_sha256(mark_key.inner_key, mark_key.outer_key, textsend({{ message }})), 'hex')
{%- endmacro %}

{% macro marks_of_row(entity, relation=none, id=none) -%}
{%- set id = id or (relation ~ '.' if relation else '') ~ entity ~ '_id' -%}
{{ mark("'id:" ~ entity ~ ":' || (" ~ id ~ ")::text") }}
{%- for column in personal_columns(entity) if has_token(column) -%}
, {{ mark("'" ~ column.pii ~ ":' || " ~ normalised(column, relation)) }}
{%- endfor -%}
{%- endmacro %}

{# True for a row about a person who was erased, or that names one in a free text: a row rule, as those of the contract. #}
{% macro is_erased(entity, relation=none, id=none) -%}
exists (
    select from pii.erased_key_now() as mark_key
    where array[{{ marks_of_row(entity, relation, id) }}] && (select array_agg(mark) from pii.erased_marks)
    {%- for column in personal_columns(entity) if column.pii == 'free_text' %}
        or {{ names_somebody(entity, quoted(column, relation)) }}
    {%- endfor %}
)
{%- endmacro %}

{# True for a text in which an e-mail, a number or an IP address stands, or a name or a street address of several words,
   that has one of the marks: a relation with `mark`, `words` and `cue`. #}
{% macro names_somebody(entity, text, marks='pii.erased_marks') -%}
(({{ text }} ~ '{{ may_name_somebody() }}' and exists (
    select from (
        {%- for pii, patterns in free_text_patterns() | selectattr(2) | groupby(2) %}
        select {{ mark("'" ~ pii ~ ":' || " ~ normalised(in_text(entity, pii), 'given')) }} as mark
        from (
            select hit[1] as found
            from regexp_matches({{ text }}, '{{ patterns | map(attribute=0) | join('|') }}', 'g') as hits (hit)
        ) as given
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as told
    join {{ marks }} using (mark)
)) or {{ has_words_of_somebody(text, marks) }})
{%- endmacro %}

{# A microsecond for each word: in CASE the sub-selects are hashed once; as joins, 1,000 marks were read for each text. #}
{% macro has_words_of_somebody(text, marks) -%}
(select exists (select from {{ marks }} where words is not null)) and exists (
    select from (select {{ words_of(text) }} as said offset 0) as told
    cross join unnest(told.said) with ordinality as word (said, place)
    where case when {{ cue('word.said') }} in (select cue from {{ marks }} where cue is not null) then exists (
        select from unnest((select array_agg(distinct words) from {{ marks }})) as phrase (words)
        cross join generate_series(word.place - phrase.words + 1, word.place) as first_place
        where case when {{ mark(as_phrase('told.said[first_place : first_place + phrase.words - 1]')) }}
            in (select mark from {{ marks }}) then true end
    ) end
)
{%- endmacro %}

{# The words of a text in small letters, without what stands between them. #}
{% macro words_of(text) -%}
regexp_split_to_array(
        lower(case when {{ text }} ~ '[^\x01-\x7f]' then normalize({{ text }}, NFC) else {{ text }} end), '[^[:alnum:]]+'
    )
{%- endmacro %}

{# Words as they are marked: whatever their order, for registers write LEE, ANN. #}
{% macro as_phrase(words) -%}
'words:' || (select string_agg(word, ' ' order by word collate "C") from unnest({{ words }}) as word where word <> '')
{%- endmacro %}

{# Which runs of words are worth a mark: those with a word of this cue. #}
{% macro cue(word) -%}
left(encode(sha256(mark_key.inner_key || textsend({{ word }})), 'hex'), 4)
{%- endmacro %}

{# What stands in a text of an entity, as a column of its class. #}
{% macro in_text(entity, pii) %}
    {{ return({'name': 'found', 'pii': pii, 'region': entity_node(entity).config.meta.get('region')}) }}
{% endmacro %}

{# The records of a delivery that could not be read and name a person: one who was erased, or one of the marks (%(marks)s). #}
{% macro unreadable_that_name(entity, marks='pii.erased_marks') -%}
select row_number
from staging.unreadable_texts
cross join pii.erased_key_now() as mark_key
where delivery_id = %(delivery)s and {{ names_somebody(entity, 'record', marks) }}
{%- endmacro %}

{# The staged rows of a delivery that name a person who has one of the marks (%(marks)s) in a column that nobody declared:
   in a cell, or, where a name or an address is spread over several columns (%(parts)s), in these together. #}
{% macro undeclared_that_name(entity, staged) -%}
select _row_number
from {{ staged }} as raw
cross join pii.erased_key_now() as mark_key
where _delivery_id = %(delivery)s and exists (
    select from (
        select value as said from jsonb_each_text(raw._extra)
        union all
        select string_agg(value, ' ') from jsonb_each_text(raw._extra) where key = any (%(parts)s)
    ) as cell
    where {{ names_somebody(entity, 'cell.said', given_marks()) }}
)
{%- endmacro %}

{% macro given_marks() -%} json_to_recordset(%(marks)s) as given (mark text, words integer, cue text) {%- endmacro %}

{# The tokens and marks that one value has in an entity's columns of its class, and in its texts; %(value)s is the value.
   A name or an address has a mark of its words, too, where two of them are more than a letter: of fewer, too many other
   texts have them. #}
{% macro tokens_of_value(entity, pii) -%}
{%- set columns = personal_columns(entity) | selectattr('pii', 'equalto', pii) | list -%}
select
    array[{% for column in columns %}{{ token(column, 'given') }}{{ ', ' if not loop.last }}{% endfor %}]::text[],
    array[{% for column in columns + [in_text(entity, pii)] %}{{ mark("'" ~ pii ~ ":' || " ~ normalised(column, 'given')) }}{{ ', ' if not loop.last }}{% endfor %}],
    {%- if pii in ('person_name', 'street_address') %}
    (
        select case when count(*) filter (where length(word) > 1) > 1 then jsonb_build_object(
            'mark', {{ mark(as_phrase(words_of('given.found'))) }},
            'words', count(*),
            'cue', {{ cue('(array_agg(word order by length(word) desc, word collate "C"))[1]') }}
        ) end
        from unnest({{ words_of('given.found') }}) as word
        where word <> ''
    )
    {%- else %}
    null
    {%- endif %}
from (
    select %(value)s::text as found {%- for column in columns %}, %(value)s::text as {{ adapter.quote(column.name) }}{% endfor %}
) as given
cross join pii.token_key_now() as key
cross join pii.erased_key_now() as mark_key
{%- endmacro %}

{# What erasure keeps of a row: place, id, fingerprint, and what is not personal, its own effective time with it. `_told`
   stands for what was personal, where the fold compares values. #}
{% macro left_of_row(entity, feed) -%}
    mapped._row_number as row_number,
    mapped._line_number as line_number,
    {{ surrogate_id(entity, feed) }} as id,
    {{ fingerprint(entity) }} as fingerprint,
    (
        select coalesce(jsonb_object_agg(name, whole -> name), '{}')
        from to_jsonb(mapped) as whole
        cross join unnest(array[
            {%- for column in entity_columns(entity) if column.pii == 'none' -%}
            '{{ column.name }}'{{ ', ' if not loop.last }}
            {%- endfor -%}
        ]::text[]) as name
    ) {%- if row_time(feed) %} || jsonb_build_object('_effective_at', {{ row_time(feed).sql }}) {%- endif %}
    || jsonb_build_object('_told', jsonb_build_object(
        {%- for column in personal_columns(entity) if column.tracked %}
        '{{ compared_name(column) }}', {{ stand_in(
            surrogate_id(entity, feed), "'" ~ compared_name(column) ~ "'",
            token(column, 'mapped') if has_token(column) else masked_form(column, 'mapped')
        ) }}{{ ',' if not loop.last }}
        {%- endfor %}
    )) as attributes
{%- endmacro %}

{# The column of history by which a personal column's values are told apart. #}
{% macro compared_name(column) -%}
{{ column.name }}{{ '_token' if has_token(column) }}
{%- endmacro %}

{# What stands for a value of one id once it is erased: a keyed hash, of no use with any other id. #}
{% macro stand_in(id, name, value) -%}
case when {{ value }} is not null then encode(substr(
    {{ peppered("convert_to((" ~ id ~ ")::text || ' ' || " ~ name ~ " || ' ' || (" ~ value ~ "), 'UTF8')") }}, 1, 8
), 'hex') end
{%- endmacro %}

{# The typed rows of a delivery, each beside the text of its own effective time where the feed has such. #}
{% macro rows_as_mapped(feed, staging_model) -%}
{{ ref(staging_model) }} as mapped
{%- if row_time(feed) %}
join (
    select _delivery_id as delivery_id, _row_number as row_number, {{ adapter.quote(row_time(feed).column) }} as told
    from staging.{{ staging_model[4:] }}
) as own_time on own_time.delivery_id = mapped._delivery_id and own_time.row_number = mapped._row_number
{%- endif %}
{%- endmacro %}

{# The rows of a delivery that are about a person: by a token of the class (%(tokens)s), by a mark in a text (%(marks)s),
   by their number (%(told)s), or by the entity's key or id (%(key)s, %(id)s; NULL where the person is not named so). It
   is asked of rows %(first)s to %(last)s of %(delivery)s. #}
{% macro rows_to_erase(entity, feed, staging_model, pii) -%}
{%- set columns = personal_columns(entity) | selectattr('pii', 'equalto', pii) | list -%}
select
{{ left_of_row(entity, feed) }}
from {{ rows_as_mapped(feed, staging_model) }}
cross join pii.token_key_now() as key
cross join pii.erased_key_now() as mark_key
where mapped._delivery_id = %(delivery)s
    and mapped._row_number between %(first)s and %(last)s
    and (
        mapped._row_number = any (%(told)s)
        or array[{% for part in entity_key(entity) %}mapped.{{ adapter.quote(part) }}::text{{ ', ' if not loop.last }}{% endfor %}] = %(key)s::text[]
        or ({{ surrogate_id(entity, feed) }})::text = %(id)s::text
        {%- if columns %}
        or array[{% for column in columns %}{{ token(column, 'mapped') }}{{ ', ' if not loop.last }}{% endfor %}]::text[] && %(tokens)s
        {%- endif %}
        {%- for column in personal_columns(entity) if column.pii == 'free_text' %}
        or {{ names_somebody(entity, quoted(column, 'mapped'), given_marks()) }}
        {%- endfor %}
    )
{%- endmacro %}

{# The rows of a delivery that are about somebody who was erased before, exact repetitions among them. #}
{% macro rows_that_returned(entity, feed, staging_model) -%}
select
{{ left_of_row(entity, feed) }}
from {{ rows_as_mapped(feed, staging_model) }}
cross join pii.token_key_now() as key
where mapped._delivery_id = %(delivery)s
    and mapped._row_number between %(first)s and %(last)s
    and {{ is_erased(entity, 'mapped', surrogate_id(entity, feed)) }}
{%- endmacro %}
