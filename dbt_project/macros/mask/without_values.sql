{# A statement over personal data, whose errors must carry none: PostgreSQL quotes the offending value in a message of
   class 22 and the whole row in the DETAIL of class 23, and from there it would go to logs, ledger and terminal. #}
{% macro without_values(sql) -%}
do $sluice$
begin
    {{ sql }};
exception when others then
    raise exception using
        errcode = sqlstate,
        message = case when sqlstate like '22%' then regexp_replace(sqlerrm, '".*"', '(a value)') else sqlerrm end;
end $sluice$
{%- endmacro %}
