{# Closed lists of the data standard for brownfield land registers, whichever authority writes them. #}

{% macro brownfield_coordinate_system(cell) -%}
{{ code_or_prefix(cell, ['ETRS89', 'OSGB36', 'WGS84'], {'ETRS8': 'ETRS89'}) }}
{%- endmacro %}

{% macro brownfield_ownership(cell) -%}
{{ code_or_prefix(
    cell,
    ['owned by a public authority', 'not owned by a public authority', 'mixed ownership', 'unknown ownership'],
    {
        'public ownership': 'owned by a public authority',
        'in public ownership': 'owned by a public authority',
        'not in public ownership': 'not owned by a public authority',
        'mixed': 'mixed ownership',
        'unknown': 'unknown ownership',
    }
) }}
{%- endmacro %}

{% macro brownfield_planning_status(cell) -%}
{{ code_or_prefix(cell, ['permissioned', 'not permissioned', 'pending decision']) }}
{%- endmacro %}

{% macro brownfield_permission_type(cell) -%}
{{ code_or_prefix(cell, [
    'full planning permission',
    'outline planning permission',
    'reserved matters approval',
    'technical details consent',
    'permission in principle',
    'planning permission granted under an order',
    'other',
]) }}
{%- endmacro %}
