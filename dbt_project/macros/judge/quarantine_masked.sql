{# What analysts may see of an entity's quarantine: where, why and what became of it; values masked, nothing else of the
   row. #}
{% macro quarantine_masked(entity) %}
-- depends_on: {{ ref('judged_' ~ entity) }}
select
    delivery_id,
    feed,
    row_number,
    line_number,
    kind,
    reasons,
    severity,
    responsible,
    status,
    quarantined_at,
    settled_by,
    settled_run
from quarantine.{{ entity }}
where true {{- of_entitled_vendors(entity, 'feed') }}
{% endmacro %}
