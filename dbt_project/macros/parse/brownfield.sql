{# What may have been meant by the values of a brownfield register that are in no list, by target column. For a model that
   has joined `authority`, `system`, `ownership`, `planning` and `permission`, and has the cells in `cells`. #}
{% macro brownfield_proposals(organisation_cell) %}
    {{ return({
        'organisation': organisation_near(organisation_cell, 'authority.organisation'),
        'coordinate_reference_system': category_near(
            'brownfield_coordinate_system', 'cells.coordinate_reference_system', 'system.code'
        ),
        'ownership_status': category_near('brownfield_ownership', 'cells.ownership_status', 'ownership.code'),
        'planning_status': category_near('brownfield_planning_status', 'cells.planning_status', 'planning.code'),
        'permission_type': category_near('brownfield_permission_type', 'cells.permission_type', 'permission.code'),
    }) }}
{% endmacro %}
