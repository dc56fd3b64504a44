-- Each current version of a key stands in one of two indexes: that of open ones, or that of closed ones.
create or replace function history.refuse_overlap() returns trigger
language plpgsql as $$
declare
    offender uuid;
begin
    execute format(
        'select new.%1$I from touched as new
         where new._superseded_in is null and exists (
             select from (
                 select valid_from, valid_to from %2$I.%3$I
                 where %1$I = new.%1$I and _superseded_in is null and valid_to is null
                 union all
                 select valid_from, valid_to from %2$I.%3$I
                 where %1$I = new.%1$I and _superseded_in is null and valid_to is not null
             ) as other
             where (other.valid_from, other.valid_to) is distinct from (new.valid_from, new.valid_to)
                 and other.valid_from < coalesce(new.valid_to, ''infinity'')
                 and coalesce(other.valid_to, ''infinity'') > new.valid_from
         )
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

alter table ledger.runs add column open_rows bigint;
comment on column ledger.runs.open_rows is
'How many versions are open as of a merged run: what its publication shows. NULL: count them.';

create table history.column_sets (
    entity text not null,
    prefix bytea not null,
    columns text[] not null,
    first_seen timestamptz not null default now(),
    primary key (entity, prefix)
);
comment on table history.column_sets is
'Which columns of a dimension a fingerprint speaks of, by its first four bytes: where two differ in that, values decide.';
comment on column history.column_sets.entity is 'Whose dimension.';
comment on column history.column_sets.prefix is 'The first four bytes of its fingerprints.';
comment on column history.column_sets.columns is 'The tracked columns that they speak of.';
comment on column history.column_sets.first_seen is 'When that set was judged by first.';
