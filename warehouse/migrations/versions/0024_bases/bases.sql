-- A delivery whose rows were held against those of the delivery before, its base, has in judged.delivery_<id> those that
-- were judged for it. The others stand in its base, or in that one's; judged.carried_<id> says which, by the hashes of
-- their cells, and where they stand in the delivery's own file. While that table is there, the delivery is not whole.

-- The deliveries in which its carried rows stand, the nearest first: none where it is whole, NULL where one is gone, so
-- that it has to be judged again.
create function judged.bases_of(delivery bigint) returns bigint[]
language plpgsql stable as $$
declare
    found bigint[] := '{}';
    base bigint;
begin
    while to_regclass('judged.carried_' || delivery) is not null loop
        base := (select base_id from ledger.differences where delivery_id = delivery);
        if base is null or to_regclass('judged.delivery_' || base) is null then
            return null;
        end if;
        found := found || base;
        delivery := base;
    end loop;
    return found;
end $$;

-- Brings a delivery's carried rows into its own table, for whoever reads it as a whole.
create function judged.make_whole(delivery bigint) returns void
language plpgsql as $$
declare
    bases bigint[] := judged.bases_of(delivery);
    names text;
    theirs text;
    near text;
    brought bigint;
    brought_near bigint := 0;
    carried bigint;
begin
    if to_regclass('judged.carried_' || delivery) is null then
        return;
    end if;
    if bases is null then
        raise exception 'Delivery % shares rows with one that is not there any more, as after a purge.', delivery
            using hint = 'Nothing is lost: it is judged again, from the archive, by the first run that needs it.';
    end if;
    select
        string_agg(quote_ident(attname), ', ' order by attnum),
        string_agg('base.' || quote_ident(attname), ', ' order by attnum)
    into names, theirs
    from pg_attribute
    where attrelid = to_regclass('judged.delivery_' || bases[cardinality(bases)])
        and attnum > 0
        and not attisdropped
        and attname not in ('_delivery_id', '_row_number', '_line_number');

    -- A row that left and came back stands in several bases: the nearest counts. All but the last hold few rows.
    select string_agg(format('select %s as _nth, %s from judged.delivery_%s', nth, names, base), ' union all ') into near
    from unnest(bases[: cardinality(bases) - 1]) with ordinality as one (base, nth);
    if near is not null then
        execute format(
            'insert into judged.delivery_%1$s (_delivery_id, _row_number, _line_number, %2$s)'
            ' select distinct on (carried.row_number) %1$s, carried.row_number, carried.line_number, %3$s'
            ' from judged.carried_%1$s as carried join (%4$s) as base on base._cells = carried.cells'
            ' order by carried.row_number, base._nth',
            delivery, names, theirs, near
        );
        get diagnostics brought_near = row_count;
    end if;
    execute format(
        'insert into judged.delivery_%1$s (_delivery_id, _row_number, _line_number, %2$s)'
        ' select %1$s, carried.row_number, carried.line_number, %3$s'
        ' from judged.carried_%1$s as carried join judged.delivery_%4$s as base on base._cells = carried.cells'
        ' where carried.row_number not in (select _row_number from judged.delivery_%1$s)',
        delivery, names, theirs, bases[cardinality(bases)]
    );
    get diagnostics brought = row_count;

    execute format('select count(*) from judged.carried_%s', delivery) into carried;
    if brought + brought_near is distinct from carried then
        raise exception 'Delivery % has % rows of the deliveries before it, which hold % of them.',
            delivery, carried, brought + brought_near
            using hint = format('drop table judged.delivery_%1$s, judged.carried_%1$s: the next run judges it again.', delivery);
    end if;
    execute format('drop table judged.carried_%s', delivery);
    execute format('analyze judged.delivery_%s', delivery);
end $$;
grant execute on function judged.bases_of, judged.make_whole to sluice_loader;
