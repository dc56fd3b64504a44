create table ledger.deliveries (
    delivery_id bigint generated always as identity primary key,
    vendor text not null,
    feed text not null,
    entity text not null,
    name text not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    bytes bigint not null,
    received_at timestamptz not null default now(),
    effective_at timestamptz not null,
    effective_date date not null,
    revision integer not null default 1 check (revision > 0),
    mode text not null check (mode in ('full', 'delta')),
    state text not null check (state in ('received', 'staged', 'judged', 'merged', 'sighted', 'superseded', 'refused')),
    sighting_of bigint references ledger.deliveries,
    reason text,
    found jsonb,
    unique (feed, effective_at, sha256),
    check ((state = 'refused') <= (reason is not null)),
    check ((state = 'sighted') <= (sighting_of is not null))
);
create unique index on ledger.deliveries (feed, effective_at, revision) where state <> 'refused';
create unique index one_delivery_in_force on ledger.deliveries (feed, effective_at)
where state not in ('refused', 'superseded');
create index on ledger.deliveries (entity) where state in ('received', 'staged', 'judged');
comment on table ledger.deliveries is 'One row per received content of a feed for one effective time.';

create table ledger.row_accounts (
    delivery_id bigint primary key references ledger.deliveries,
    read bigint not null,
    blank bigint not null,
    banner bigint not null,
    unreadable bigint not null,
    staged bigint not null,
    quarantined bigint,
    good bigint,
    duplicate bigint,
    opened bigint,
    changed bigint,
    unchanged bigint,
    closed bigint,
    constraint every_record_is_placed check (read = blank + banner + unreadable + staged),
    constraint every_row_is_judged check (staged = quarantined + good),
    constraint every_good_row_is_merged check (good = opened + changed + unchanged + duplicate)
);
comment on table ledger.row_accounts is 'Where each record of a delivery went; the sums are constraints of the table.';

create table ledger.runs (
    run bigint generated always as identity primary key,
    entity text not null,
    state text not null default 'running' check (state in ('running', 'merged', 'failed')),
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    contract_hash text,
    gate_hash text,
    reason text
);
create unique index one_running_run on ledger.runs (entity) where state = 'running';
comment on table ledger.runs is 'One row per merge attempt of an entity; its number orders system time.';

create table ledger.run_deliveries (
    run bigint not null references ledger.runs,
    delivery_id bigint not null references ledger.deliveries,
    primary key (run, delivery_id)
);

create view ledger.judging as
select r.run, d.*
from ledger.runs as r
join ledger.run_deliveries using (run)
join ledger.deliveries as d using (delivery_id)
where r.state = 'running' and r.run = nullif(current_setting('sluice.run', true), '')::bigint;
comment on view ledger.judging is
'The deliveries of the running run that this session works for (its setting sluice.run, see flows/dbt.py).';

create table ledger.rules (
    contract_hash text not null,
    position integer not null,
    code text not null,
    column_name text,
    message text not null,
    predicate text not null,
    primary key (contract_hash, code)
);
comment on table ledger.rules is 'The row rules of each contract version as SQL: true for a row that breaks the rule.';

create table ledger.check_results (
    run bigint not null references ledger.runs,
    stage text not null check (stage in ('verify', 'gate')),
    position integer not null,
    name text not null,
    column_name text,
    outcome text not null,
    value numeric,
    checked_at timestamptz not null default now(),
    primary key (run, stage, position)
);

create table ledger.publications (
    publication_id bigint generated always as identity primary key,
    entity text not null,
    run bigint not null references ledger.runs,
    published_at timestamptz not null default clock_timestamp(),
    rows bigint not null
);
create table ledger.pointers (
    entity text primary key,
    run bigint not null references ledger.runs
);
comment on table ledger.pointers is 'Consumers of this entity see history as of this run.';

create table ledger.builds (
    project_hash text primary key,
    built_at timestamptz not null default now()
);
comment on table ledger.builds is 'The dbt project whose views stand in the warehouse.';

-- Serves every dimension: after each statement, no two current versions of a touched key may share a moment.
create function history.refuse_overlap() returns trigger
language plpgsql as $$
declare
    offender uuid;
begin
    execute format(
        'select id from (
             select d.%1$I as id, d.valid_to,
                    lead(d.valid_from) over (partition by d.%1$I order by d.valid_from) as next_from
             from %2$I.%3$I as d
             where d._superseded_in is null and d.%1$I in (select %1$I from touched)
         ) as versions
         where next_from < coalesce(valid_to, ''infinity'') limit 1',
        tg_argv[0], tg_table_schema, tg_table_name
    ) into offender;
    if offender is not null then
        raise exclusion_violation using message = format(
            'two current versions of %s %s overlap in valid time', tg_argv[0], offender
        );
    end if;
    return null;
end $$;
