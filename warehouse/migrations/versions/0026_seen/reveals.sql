-- An entity whose rows are shown by vendor counts where a version of an entitled vendor has the token: a desk for one
-- region could reveal any token that it was told of.
create function pii.seen_in(asked text, of_entities text[]) returns text[]
language plpgsql stable strict
as $$
declare
    one text;
    tokens text;
    there boolean;
    seen text[] := '{}';
begin
    foreach one in array of_entities loop
        if exists (select from pg_class where oid = to_regclass(format('history.%I', 'dim_' || one)) and relrowsecurity) then
            select coalesce(string_agg(format('%I = $1', attname), ' or '), 'false') into tokens
            from pg_attribute
            where attrelid = format('history.%I', 'dim_' || one)::regclass and attname like '%\_token' and not attisdropped;
            execute format(
                'select exists (select from history.%I where split_part(_feed, ''.'', 1) = any ($2) and (%s))',
                'dim_' || one, tokens
            ) into there using asked, ledger.vendors_of(one);
            continue when not there;
        end if;
        seen := seen || one;
    end loop;
    return seen;
end $$;
revoke all on function pii.seen_in(text, text[]) from public;

create or replace function pii.limit_of(asker name, of_entities text[], of_class text) returns integer
language sql stable
return (
    select max(e.per_hour)
    from pii.entitlements as e
    join pg_roles as r on r.rolname = e.role_name
    where pg_has_role(asker, r.oid, 'member')
        and (e.entity = '*' and cardinality(of_entities) > 0 or e.entity = any (of_entities))
        and (e.class in ('*', of_class))
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
    if asked is null then
        raise exception 'name a token: pii.ask(token, why)' using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('sluice.reveals', 0));
    select * into found from pii.vault as v where v.token = asked;
    -- Of a token that is gone one may know that, who may see tokens of its class somewhere.
    most := pii.limit_of(
        asker, coalesce(pii.seen_in(asked, found.entities), array(select distinct entity from pii.entitlements)),
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
        where v.token = asked and pii.limit_of(pii.caller(), pii.seen_in(asked, v.entities), v.class) is null
    ) then
        raise exception '% has not asked for this token, or was refused', pii.caller() using
            errcode = 'insufficient_privilege',
            hint = 'In a transaction of its own: select pii.ask(token, why). It gives NULL where you are allowed to.';
    end if;
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
    if of_entity is null then
        raise exception 'name an entity: pii.ask_rows(entity, why)' using errcode = 'invalid_parameter_value';
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
