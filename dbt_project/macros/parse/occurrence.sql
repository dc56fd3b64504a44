{# The number of a row, from 1, among the rows of its delivery that agree in `of`: for rows that their vendor does not
   tell apart and that are to be summed. `by` orders them: by their value rather than by their place in the file, so that
   the vendor's order does not matter. The window is parted by the delivery, so that the split's filter by _delivery_id
   goes below it (EXPLAIN: the staging scan keeps its partitions pruned), and a row depends on its own delivery alone. #}
{% macro occurrence(of, by) -%}
(row_number() over (partition by _delivery_id, {{ of }} order by {{ by }}))::integer
{%- endmacro %}
