{# An ORCID iD in its usual form, or NULL where the form or the check digit (ISO 7064, MOD 11-2) is wrong. The address of
   the register before it is taken, and so are sixteen characters without hyphens. #}
{% macro parse_orcid(cell) -%}
(
    select case
        when bare ~ '^\d{15}[\dX]$' and right(bare, 1) = case check_digit when 10 then 'X' else check_digit::text end
            then concat_ws('-', substr(bare, 1, 4), substr(bare, 5, 4), substr(bare, 9, 4), substr(bare, 13, 4))
    end
    from (
        select replace(regexp_replace(upper(btrim({{ cell }})), '^HTTPS?://(WWW\.)?ORCID\.ORG/', ''), '-', '') as bare
        offset 0
    ) as spelled
    cross join lateral (
        -- Each digit is doubled once for each place that follows it: the sum of digit * 2^(16 - place).
        select (12 - sum(digit::bigint * (1::bigint << (16 - place)::integer)) % 11) % 11 as check_digit
        from regexp_split_to_table(left(bare, 15), '') with ordinality as digits (digit, place)
        where digit ~ '^\d$'
    ) as checked
)
{%- endmacro %}

{# A DOI without the resolver's address and in lower case (its capitals have no meaning), or NULL where it is none. #}
{% macro parse_doi(cell) -%}
(
    select case when bare ~ '^10\.\d{4,9}(\.\d+)*/\S+$' then bare end
    from (
        select regexp_replace(lower(btrim({{ cell }})), '^(https?://(dx\.|www\.)?doi\.org/|doi:\s*)', '') as bare
        offset 0
    ) as spelled
)
{%- endmacro %}

{# A relation with one row: of a JSON list of authors the corresponding one, else the first (`one`), how many they are
   (`count`), and an ORCID iD of the others that is none (`other_wrong`). NULL where the cell is no such list. #}
{% macro leading_author(cell) -%}
(
    select
        speaker.one,
        jsonb_array_length(list) as count,
        (
            select min(other ->> 'orcid')
            from jsonb_array_elements(list) as authors (other)
            where other <> speaker.one and {{ clean("other ->> 'orcid'") }} is not null
                and {{ parse_orcid("other ->> 'orcid'") }} is null
        ) as other_wrong
    from (select case when pg_input_is_valid({{ cell }}, 'jsonb') then ({{ cell }})::jsonb end as json offset 0) as parsed
    cross join lateral (select case when jsonb_typeof(json) = 'array' then json end as list offset 0) as listed
    cross join lateral (
        select coalesce(
            jsonb_path_query_first(list, '$[*] ? (@.corresponding == true || @.corresponding == "true")'),
            list -> 0
        ) as one
        offset 0
    ) as speaker
)
{%- endmacro %}
