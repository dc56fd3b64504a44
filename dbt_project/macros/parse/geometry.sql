{# What the dictionary of shapes (extract/geometry.py) says of a geometry column, to be joined: `shape.wkt`, `shape.repairs`,
   `shape.problem`. The column must declare `geometry: {area: ...}` in its feed. `y`: the column with the other coordinate. #}
{% macro join_geometry(alias, table, column, area, y=none) -%}
left join staging.geometries as {{ alias }} on {{ alias }}.geometry_key = staging.geometry_key(
    '{{ area }}',
    {% if y -%} staging.point_text({{ table }}.{{ column }}, {{ table }}.{{ y }}) {%- else -%} {{ table }}.{{ column }} {%- endif %}

)
{%- endmacro %}
