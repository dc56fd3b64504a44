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
    state text not null check (state in (
        'received', 'staged', 'judged', 'waiting', 'merged', 'sighted', 'superseded', 'retracted', 'refused'
    )),
    in_history boolean not null default false,
    accepted boolean not null default false,
    sighting_of bigint references ledger.deliveries,
    reason text,
    found jsonb,
    unique (feed, effective_at, sha256),
    check ((state = 'refused') <= (reason is not null)),
    check ((state = 'sighted') <= (sighting_of is not null))
);
create unique index on ledger.deliveries (feed, effective_at, revision) where state <> 'refused';
create unique index one_delivery_in_force on ledger.deliveries (feed, effective_at)
where state not in ('refused', 'superseded', 'retracted', 'waiting');
create index on ledger.deliveries (entity) where state in ('received', 'staged', 'judged');
create index on ledger.deliveries (entity) where in_history <> (state in ('merged', 'sighted'));
comment on table ledger.deliveries is 'One row per received content of a feed for one effective time.';
comment on column ledger.deliveries.in_history is
'Whether history counts with it. Where that differs from what its state asks for, the next run folds it in or out.';
comment on column ledger.deliveries.accepted is 'A person said yes to what looked implausible.';
comment on column ledger.deliveries.sighting_of is
'The delivery whose content it has, where that was in force just before it: its rows are that one''s.';

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
    effect text not null check (effect in ('add', 'remove', 'context', 'content')),
    judge boolean not null,
    primary key (run, delivery_id)
);
comment on column ledger.run_deliveries.effect is
'add: comes into history. remove: goes out of it. context: in force since the earliest of these, and folded again.'
' content: only its rows are needed, by a sighting.';

create view ledger.judging as
select r.run, d.*
from ledger.runs as r
join ledger.run_deliveries using (run)
join ledger.deliveries as d using (delivery_id)
where run_deliveries.judge and r.state = 'running' and r.run = nullif(current_setting('sluice.run', true), '')::bigint;
comment on view ledger.judging is
'The deliveries whose rows are judged by the run that this session works for (its setting sluice.run, see flows/dbt.py).';

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
    run bigint not null references ledger.runs,
    held boolean not null default false
);
comment on column ledger.pointers.held is 'Rolled back: what is merged from now on waits for `sluice publish`.';
comment on table ledger.pointers is 'Consumers of this entity see history as of this run.';

create function ledger.run_known_at(of_entity text, known_at timestamptz) returns bigint
language sql stable
return (
    select run from ledger.publications
    where entity = of_entity and published_at <= known_at
    order by publication_id desc
    limit 1
);
comment on function ledger.run_known_at is 'The run as of which consumers saw an entity at a time; NULL before the first.';

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
        'select new.%1$I from touched as new join %2$I.%3$I as other on other.%1$I = new.%1$I
             and other._superseded_in is null
             and other.valid_from <> new.valid_from
             and other.valid_from < coalesce(new.valid_to, ''infinity'')
             and coalesce(other.valid_to, ''infinity'') > new.valid_from
         where new._superseded_in is null
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
