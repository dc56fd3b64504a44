{# PostgreSQL keeps 32 compiled regular expressions per session and compiles a forgotten one anew at each row: with more
   than that a row of licences took 125 µs instead of 43. So these macros take `like` and `translate` where those do. #}

{# A cell without the white space around it (no-break spaces and byte-order marks count), NULL where nothing is left. #}
{% macro clean(cell) -%}
nullif(btrim({{ cell }}, E' \t\r\n\f\u00a0\ufeff'), '')
{%- endmacro %}

{# The same, with each run of white space inside turned into one space: for names and one-line texts. Most cells need
   nothing: to see that costs 0.5 µs, to replace in vain 3. #}
{% macro clean_line(cell) -%}
case
    when {{ cell }} ~ '[\s\u00a0\ufeff]{2}|[^\S ]|[\u00a0\ufeff]|^ | $'
    then nullif(btrim(regexp_replace({{ cell }}, '[\s\u00a0\ufeff]+', ' ', 'g')), '')
    else nullif({{ cell }}, '')
end
{%- endmacro %}

{# UTF-8 that was read as cp1252 on its way to us, put right: the sequences of Western names and typed quotes.
   The closing double quote's last byte has no letter in cp1252, so it comes as U+009D or not at all. #}
{% macro repair_mojibake(text) -%}
{%- set repairs = [
    ('â€™', '’'), ('â€˜', '‘'), ('â€œ', '“'), ('â€\u009d', '”'), ('â€“', '–'), ('â€”', '—'), ('â€¦', '…'),
    ('â„¢', '™'), ('Ã¡', 'á'), ('Ã©', 'é'), ('Ã\u00ad', 'í'), ('Ã³', 'ó'), ('Ãº', 'ú'), ('Ã±', 'ñ'),
    ('Ã¼', 'ü'), ('Ã¶', 'ö'), ('Ã¤', 'ä'), ('Ã¨', 'è'), ('Ãª', 'ê'), ('Ã«', 'ë'), ('Ã§', 'ç'), ('Ã®', 'î'),
    ('Ã¯', 'ï'), ('Ã´', 'ô'), ('Ã\u00a0', 'à'), ('Ã¢', 'â'), ('Ã‰', 'É'), ('Ã‘', 'Ñ'), ('Ã“', 'Ó'),
    ('Ãš', 'Ú'), ('Ã–', 'Ö'), ('Ãœ', 'Ü'), ('Â²', '²'), ('Â½', '½'), ('Â°', '°'), ('Â£', '£'), ('Â®', '®'),
    ('Â·', '·'), ('Â\u00a0', ' '), ('â€', '”'),
] -%}
case when {{ text }} <> translate({{ text }}, 'ÃÂâ', '') then
    {% for _ in repairs %}replace({% endfor %}{{ text }}
    {%- for wrong, right in repairs %}, '{{ wrong }}', '{{ right }}'){% endfor %}
else {{ text }} end
{%- endmacro %}

{# A text in capitals only, in proper case: Nana's Place LLC, McKay, John II, 12 NE 5th St. Other texts stay as they are.
   A private-use character parts the letters that must stay capital while `initcap` works, and is then taken out. #}
{% macro proper_case(text) -%}
{%- set joint = '\ue000' -%}
{%- set kept = {2: 'II|IV|VI|LP|PO|NE|NW|SE|SW|TV|US', 3: 'LLC|LLP|III|VII|ABC|USA', 4: 'PLLC|YMCA|YWCA|STEM|UNLV'} -%}
{%- set endings = ['S', 'T', 'D', 'M', 'Ll', 'Re', 'Ve'] -%}
case when {{ text }} = upper({{ text }}) and {{ text }} <> lower({{ text }}) then (
    select case when proper <> translate(proper, '''’', '') then
        {% for _ in endings %}regexp_replace({% endfor %}proper
        {%- for ending in endings %}, '(\w[''’]){{ ending }}\M', '\1{{ ending | lower }}', 'g'){% endfor %}
    else proper end
    from (
        select case when {{ text }} ~ '\m(?:MC[A-Z]{3}|(?:{{ kept.values() | join('|') }})\M)' then
            replace(initcap(
                {% for _ in kept %}regexp_replace({% endfor -%}
                regexp_replace({{ text }}, '\m(MC)(?=[A-Z]{3})', '\1{{ joint }}', 'g')
            {%- for length, words in kept.items() %},
                '\m(?=(?:{{ words }})\M){{ '(\\w)' * length }}',
                '{% for group in range(1, length + 1) %}\{{ group }}{{ joint if not loop.last }}{% endfor %}', 'g')
            {%- endfor %}
            ), '{{ joint }}', '')
        else initcap({{ text }}) end as proper
        offset 0
    ) as cased
) else {{ text }} end
{%- endmacro %}
