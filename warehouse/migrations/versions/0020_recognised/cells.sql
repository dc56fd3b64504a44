-- Which cells of a vendor's row an entity's columns stand on, told by the mapping itself, which may be any SQL: each cell
-- of the samples (row_number, raw) is changed in turn, the mapping looks at the changed rows in the delivery's table, and
-- where a column comes out otherwise the cell has a part in it. All of it is rolled back; nothing is told where the
-- mapping raises.
create function staging.cells_behind(feed_table text, model text, delivery bigint, names text[], samples jsonb)
returns table (row_number bigint, column_name text, cell text)
language plpgsql as $$
declare
    found jsonb := '[]';
begin
    begin
        create temporary table probe on commit drop as
        select row_number() over () as number, sample.row_number, changed.name, to_be.otherwise, sample.raw
        from jsonb_to_recordset(samples) as sample (row_number bigint, raw jsonb)
        cross join (select null as name union all select unnest(names)) as changed
        cross join unnest(
            case when changed.name is null then array[''] else array['', '7', '2019-07-07', 'x@y.example'] end
        ) as to_be (otherwise)
        where changed.name is null or to_be.otherwise <> coalesce(sample.raw ->> changed.name, '');

        execute format(
            'insert into staging.%1$I select changed.* from probe'
            ' cross join lateral jsonb_populate_record(null::staging.%1$I, probe.raw'  -- .* would call it for each column
            ' || case when name is null then ''{}'' else jsonb_build_object(name, otherwise) end'
            ' || jsonb_build_object(''_delivery_id'', $1, ''_row_number'', -number, ''_line_number'', 0)) as changed',
            feed_table
        ) using delivery;

        execute format(
            'with mapped as materialized ('
            '    select probe.row_number, probe.name,'
            '        to_jsonb(m) - array[''_delivery_id'', ''_row_number'', ''_line_number'', ''_unparsed''] as value,'
            '        coalesce(case when jsonb_typeof(m._unparsed) = ''array'' then m._unparsed end, ''[]'') as unparsed'
            '    from staging.%I as m join probe on m._row_number = -probe.number'
            '    where m._delivery_id = $1 and m._row_number < 0'
            '), told as ('
            '    select distinct changed.row_number, column_of.key as column_name, changed.name as cell'
            '    from mapped as changed'
            '    join mapped as base on base.row_number = changed.row_number and base.name is null'
            '    cross join lateral jsonb_each(changed.value) as column_of (key, value)'
            '    where changed.name is not null and (column_of.value is distinct from base.value -> column_of.key'
            '        or jsonb_exists(changed.unparsed, column_of.key) <> jsonb_exists(base.unparsed, column_of.key))'
            ') select coalesce(jsonb_agg(to_jsonb(told)), ''[]'') from told',
            model
        ) into found using delivery;
        raise exception 'all that was tried is rolled back';
    exception when data_exception or cardinality_violation or program_limit_exceeded or plpgsql_error
        or external_routine_exception or external_routine_invocation_exception then
        null;
    end;
    return query
    select told.row_number, told.column_name, told.cell
    from jsonb_to_recordset(found) as told (row_number bigint, column_name text, cell text);
end $$;
