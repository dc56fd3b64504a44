-- Who may act as several roles had the limit of each of them (`set role`), and was written down as the role only.
alter table pii.reveals add column login name;
alter table pii.reveals alter column login set default session_user;
comment on column pii.reveals.login is 'Who had logged in; who, the role that was acted as. NULL: asked before it was written down.';
create index on pii.reveals (login, asked_at);

create or replace function pii.shown_last_hour(asker name) returns bigint
language sql stable
return (
    select coalesce(sum(how_many), 0)
    from pii.reveals
    where (who = asker or login = session_user) and outcome = 'allowed'
        and asked_at > clock_timestamp() - interval '1 hour'
);

create or replace function pii.ask(asked text, why text, via text default 'sql') returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    asker name := pii.caller();
    found pii.vault%rowtype;
    most integer;
    refusal text;
begin
    if coalesce(why, '') !~ '[^[:space:]]' then
        raise exception 'say why: pii.ask(token, why)' using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('sluice.reveals', 0));
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

create or replace function pii.ask_rows(of_entity text, why text, via text default 'sql') returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    asker name := pii.caller();
    most integer := pii.limit_of(asker, array[of_entity], '*');
    many bigint := (select count(*) from pii.vault as v where v.entities @> array[of_entity]);
    refusal text;
begin
    if coalesce(why, '') !~ '[^[:space:]]' then
        raise exception 'say why: pii.ask_rows(entity, why)' using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('sluice.reveals', 0));
    refusal := case
        when most is null then format('%s is not entitled to every class of it', asker)
        when pii.shown_last_hour(asker) + many > most then format('%s may reveal %s an hour, and these are %s', asker, most, many)
    end;
    insert into pii.reveals (who, why, entity, how_many, outcome, reason, via)
    values (asker, why, of_entity, many, case when refusal is null then 'allowed' else 'refused' end, refusal, via);
    return refusal;
end $$;

-- What was asked for is shown as long as the one who asked is entitled to it: a steward calls these functions still.
create or replace function pii.require_ask(asked text) returns void
language plpgsql stable
as $$
begin
    if not exists (
        select from pii.reveals
        where who = pii.caller() and token = asked and outcome = 'allowed' and xact <> pg_current_xact_id()
            and asked_at > clock_timestamp() - interval '15 minutes'
    ) or exists (
        select from pii.vault as v
        where v.token = asked and pii.limit_of(pii.caller(), v.entities, v.class) is null
    ) then
        raise exception '% has not asked for this token, or was refused', pii.caller() using
            errcode = 'insufficient_privilege',
            hint = 'In a transaction of its own: select pii.ask(token, why). It gives NULL where you are allowed to.';
    end if;
end $$;

create or replace function pii.require_ask_rows(of_entity text) returns void
language plpgsql stable
as $$
begin
    if pii.limit_of(pii.caller(), array[of_entity], '*') is null or not exists (
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
