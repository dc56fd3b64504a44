-- What a token stands for. A value is plain here, or, where a key outside of the database is configured, sealed by it.
create table pii.vault_keys (
    name text primary key,
    kind text not null check (kind in ('x25519', 'kms')),
    public_key bytea,
    active boolean not null default true,
    registered_at timestamptz not null default now(),
    check ((kind = 'x25519') = (public_key is not null))
);
create unique index one_active_vault_key on pii.vault_keys (active) where active;
comment on table pii.vault_keys is
'Keys that values are sealed with. The secret half is never here: with one, new values of the vault are sealed.';

create table pii.vault_batches (
    batch bigint generated always as identity primary key,
    key_name text not null references pii.vault_keys,
    wrapped bytea not null,
    sealed_at timestamptz not null default now()
);
comment on column pii.vault_batches.wrapped is
'How the holder of the key gets at the batch''s data key: an X25519 public key made for it, or what KMS wrapped.';

create table pii.vault (
    token text primary key,
    class text not null,
    key_version integer not null,
    first_seen timestamptz not null default now(),
    entities text[] not null,
    value text,
    normal text,
    sealed bytea,
    batch bigint references pii.vault_batches,
    check ((value is null) <> (sealed is null)),
    check ((sealed is null) = (batch is null))
);
comment on table pii.vault is 'What each token of history stands for. Revealed by pii.reveal only, each time written down.';
comment on column pii.vault.normal is 'The spelling that the token is made of, where it differs from the value.';

-- Values on their way to be sealed: written with the merge, emptied by the step after it, or else by the next run.
create table pii.arriving (
    token text primary key,
    class text not null,
    key_version integer not null,
    entities text[] not null,
    value text not null,
    normal text
);

create table pii.entitlements (
    role_name name not null,
    entity text not null default '*',
    class text not null default '*',
    per_hour integer not null default 100 check (per_hour > 0),
    granted_at timestamptz not null default now(),
    granted_by name not null default session_user,
    primary key (role_name, entity, class)
);
comment on table pii.entitlements is 'Which role (and its members) may reveal values of which entity and class; * is any.';

create table pii.reveals (
    reveal_id bigint generated always as identity primary key,
    who name not null,
    asked_at timestamptz not null default clock_timestamp(),
    why text not null check (btrim(why) <> ''),
    token text,
    entity text,
    how_many integer not null default 1,
    outcome text not null check (outcome in ('allowed', 'refused')),
    reason text,
    via text not null default 'sql',
    xact xid8 not null default pg_current_xact_id(),
    check ((token is null) <> (entity is null))
);
create index on pii.reveals (who, asked_at);
comment on table pii.reveals is 'Who asked to see what, when and why; a row stands here before a value is shown.';

-- The role that asks, also within a function that runs with its owner's rights.
create function pii.caller() returns name
language sql stable
return case current_setting('role') when 'none' then session_user else current_setting('role')::name end;

-- The entitlement that lets a role see a token: the widest hourly limit of those that fit.
create function pii.limit_of(asker name, of_entities text[], of_class text) returns integer
language sql stable
return (
    select max(e.per_hour)
    from pii.entitlements as e
    join pg_roles as r on r.rolname = e.role_name
    where pg_has_role(asker, r.oid, 'member')
        and (e.entity = '*' or e.entity = any (of_entities))
        and (e.class in ('*', of_class))
);

create function pii.shown_last_hour(asker name) returns bigint
language sql stable
return (
    select coalesce(sum(how_many), 0)
    from pii.reveals
    where who = asker and outcome = 'allowed' and asked_at > clock_timestamp() - interval '1 hour'
);

-- Asking is a transaction of its own: a value is shown only for a question that was committed, so that nobody can look
-- and then roll back what was written down. Gives why it is refused, or NULL.
create function pii.ask(asked text, why text, via text default 'sql') returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    asker name := pii.caller();
    found pii.vault%rowtype;
    most integer;
    refusal text;
begin
    if coalesce(btrim(why), '') = '' then
        raise exception 'say why: pii.ask(token, why)' using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('sluice.reveals.' || asker, 0));
    select * into found from pii.vault as v where v.token = asked;
    -- Of a token that is gone one may know that, who may see tokens of its class somewhere.
    most := pii.limit_of(
        asker, coalesce(found.entities, array(select distinct entity from pii.entitlements)),
        coalesce(found.class, split_part(asked, ':', 1))
    );
    refusal := case
        when most is null then format('%s is not entitled to it', asker)
        when found.token is null then 'the vault does not hold it'
        when pii.shown_last_hour(asker) >= most then format('%s may reveal %s an hour', asker, most)
    end;
    insert into pii.reveals (who, why, token, outcome, reason, via)
    values (asker, why, asked, case when refusal is null then 'allowed' else 'refused' end, refusal, via);
    return refusal;
end $$;
comment on function pii.ask(text, text, text) is 'Ask to see what a token stands for, and say why; then pii.reveal(token).';

create function pii.require_ask(asked text) returns void
language plpgsql stable
as $$
begin
    if not exists (
        select from pii.reveals
        where who = pii.caller() and token = asked and outcome = 'allowed' and xact <> pg_current_xact_id()
            and asked_at > clock_timestamp() - interval '15 minutes'
    ) then
        raise exception '% has not asked for this token, or was refused', pii.caller() using
            errcode = 'insufficient_privilege',
            hint = 'In a transaction of its own: select pii.ask(token, why). It gives NULL where you are allowed to.';
    end if;
end $$;

create function pii.reveal(asked text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    found pii.vault%rowtype;
begin
    perform pii.require_ask(asked);
    select * into strict found from pii.vault as v where v.token = asked;
    if found.sealed is not null then
        raise exception 'the values of this vault are sealed by a key that the database does not have' using
            errcode = 'object_not_in_prerequisite_state', hint = 'sluice pii reveal TOKEN --why ... opens them.';
    end if;
    return found.value;
exception when no_data_found then
    raise exception 'the vault does not hold this token (any more)' using errcode = 'no_data_found';
end $$;
comment on function pii.reveal(text) is 'What a token stands for, to one who was allowed to see it within 15 minutes.';

create function pii.reveal_sealed(asked text, out sealed bytea, out wrapped bytea, out key_name text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform pii.require_ask(asked);
    select v.sealed, b.wrapped, b.key_name into sealed, wrapped, key_name
    from pii.vault as v
    join pii.vault_batches as b using (batch)
    where v.token = asked;
end $$;

-- All rows of an entity at once, for BI: asked for like a token, good for 15 minutes, counted as all of its tokens.
-- pii.revealed_<entity>() is made by dbt beside the published view (dbt_project/macros/mask/revealed.sql).
create function pii.ask_rows(of_entity text, why text, via text default 'sql') returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    asker name := pii.caller();
    most integer := pii.limit_of(asker, array[of_entity], '*');
    many bigint := (select count(*) from pii.vault as v where v.entities @> array[of_entity]);
    refusal text;
begin
    if coalesce(btrim(why), '') = '' then
        raise exception 'say why: pii.ask_rows(entity, why)' using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('sluice.reveals.' || asker, 0));
    refusal := case
        when most is null then format('%s is not entitled to every class of it', asker)
        when pii.shown_last_hour(asker) + many > most then format('%s may reveal %s an hour, and these are %s', asker, most, many)
    end;
    insert into pii.reveals (who, why, entity, how_many, outcome, reason, via)
    values (asker, why, of_entity, many, case when refusal is null then 'allowed' else 'refused' end, refusal, via);
    return refusal;
end $$;
comment on function pii.ask_rows is 'Ask to see an entity unmasked, and say why; then select from pii.revealed_<entity>().';

create function pii.require_ask_rows(of_entity text) returns void
language plpgsql stable
as $$
begin
    if not exists (
        select from pii.reveals
        where who = pii.caller() and entity = of_entity and outcome = 'allowed' and xact <> pg_current_xact_id()
            and asked_at > clock_timestamp() - interval '15 minutes'
    ) then
        raise exception '% has not asked for %, or was refused', pii.caller(), of_entity using
            errcode = 'insufficient_privilege',
            hint = 'In a transaction of its own: select pii.ask_rows(entity, why). It gives NULL where you are allowed to.';
    end if;
    if exists (select from pii.vault as v where v.entities @> array[of_entity] and v.sealed is not null) then
        raise exception 'the values of this vault are sealed by a key that the database does not have' using
            errcode = 'object_not_in_prerequisite_state', hint = 'sluice pii reveal TOKEN --why ... opens them, one by one.';
    end if;
end $$;

revoke all on function
    pii.ask_rows(text, text, text), pii.require_ask_rows(text), pii.caller(), pii.limit_of(name, text[], text), pii.shown_last_hour(name), pii.ask(text, text, text),
    pii.require_ask(text), pii.reveal(text), pii.reveal_sealed(text) from public;
