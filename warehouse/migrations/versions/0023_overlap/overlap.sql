-- Asked once for each key that was touched, not once for each row: a version that changes brings two (10,000 rows: 0.21 s
-- became 0.10). Of ranges in order, some two overlap where some neighbours do.
create or replace function history.refuse_overlap() returns trigger
language plpgsql as $$
declare
    offender uuid;
begin
    execute format(
        'select id
         from (
             select
                 touched.id,
                 version.valid_from < lag(coalesce(version.valid_to, ''infinity'')) over (
                     partition by touched.id order by version.valid_from
                 ) as is_overlapping
             from (select distinct %1$I as id from touched where _superseded_in is null) as touched
             cross join lateral (
                 select valid_from, valid_to from %2$I.%3$I
                 where %1$I = touched.id and _superseded_in is null and valid_to is null
                 union all
                 select valid_from, valid_to from %2$I.%3$I
                 where %1$I = touched.id and _superseded_in is null and valid_to is not null
                 offset 0
             ) as version
         ) as versions
         where is_overlapping
         limit 1',
        tg_argv[0], tg_table_schema, tg_table_name
    ) into offender;
    if offender is not null then
        raise exclusion_violation using message = format(
            'two current versions of %s %s overlap in valid time', tg_argv[0], offender
        );
    end if;
    return null;
end $$;
