{# An address in one line, "12 MAIN ST LAS VEGAS, NV 89027", as [street and city, state, zip]; NULL without state
   and zip. #}
{% macro address_parts(line) -%}
regexp_match(upper({{ line }}), '^(.+?)[\s,]+([A-Z]{2})[.,]?\s+(\d[\d-]*)$')
{%- endmacro %}

{# The last `count` words of an array as one text, if at least two words stand before them (a number and a street). #}
{% macro last_words(words, count) -%}
case when cardinality({{ words }}) >= {{ count + 2 }} then
    array_to_string({{ words }}[cardinality({{ words }}) - {{ count - 1 }}:], ' ')
end
{%- endmacro %}

{# The line without the text that it ends with, and without the comma before it. #}
{% macro before_words(line, ending) -%}
rtrim(left({{ line }}, -length({{ ending }})), ' ,')
{%- endmacro %}

{# Street and city by the last word that ends a street (its type, with a route number or a direction behind it, or a
   unit): [street, city], for places that the list does not have. NULL where no such word stands before the city. #}
{% macro split_at_street_type(line) -%}
{%- set types = 'ST|STREET|AVE|AV|AVENUE|RD|ROAD|DR|DRIVE|LN|LANE|BLVD|BOULEVARD|WAY|CIR|CIRCLE|CT|COURT|PL|PLACE'
    ~ '|PKWY|PARKWAY'
    ~ '|TER|TERRACE|TRL|TRAIL|HWY|HIGHWAY|LOOP|SQ|SQUARE|PLZ|PLAZA|ALY|ALLEY|XING|CROSSING|CV|COVE|EXPY|FWY|ROUTE|RTE' -%}
{%- set units = 'STE|SUITE|UNIT|APT|BLDG|BUILDING|RM|ROOM|SPC|SPACE|FL|FLOOR|LOT|BOX' -%}
{%- set directions = 'N|S|E|W|NE|NW|SE|SW|NORTH|SOUTH|EAST|WEST' -%}
regexp_match(
    {{ line }},
    '^(\S+ (?:.*\s)?(?:'
    || '(?:{{ types }})\.?(?: \d+[A-Z]?)?(?: (?:{{ directions }})\M)?'
    || '|(?:{{ units }})\.? ?#?\S+|# ?\S+'
    || ')),? ([A-Z][A-Z .''-]+)$'
)
{%- endmacro %}
