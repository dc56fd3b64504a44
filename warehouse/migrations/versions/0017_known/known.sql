alter table history.column_sets add column declared jsonb;
comment on column history.column_sets.declared is
'The tracked columns as they were declared: name, data_type, pii, region. So values of a column that went are masked still.';

create type history.known as (
    fingerprints bytea[],
    seen_at timestamptz[],
    told jsonb,
    news text
);
comment on type history.known is
'What observations of a key say together: the fingerprint of each set of columns and since when it is seen, and the values
of all of these columns. news: begins (a version), extends (it by columns), or NULL.';

-- One observation more. It contradicts what is known where its columns are known otherwise: by the fingerprint, where
-- all of them are told by one set, else by the values of those that are known.
create function history.learn(
    known history.known, fingerprint bytea, at timestamptz, told jsonb, is_anew boolean
) returns history.known
language plpgsql immutable parallel safe
as $$
begin
    if is_anew or known.fingerprints is null then
        return row(array[fingerprint], array[at], told, 'begins')::history.known;
    end if;
    if fingerprint = any (known.fingerprints) then
        return row(known.fingerprints, known.seen_at, known.told, null)::history.known;
    end if;
    if exists (
        select from unnest(known.fingerprints) as before where substr(before, 1, 4) = substr(fingerprint, 1, 4)
    ) or exists (
        select from jsonb_each(told) as said where known.told -> said.key <> said.value
    ) then
        return row(array[fingerprint], array[at], told, 'begins')::history.known;
    end if;
    return row(known.fingerprints || fingerprint, known.seen_at || at, known.told || told, 'extends')::history.known;
end $$;

create aggregate history.known_by(bytea, timestamptz, jsonb, boolean) (sfunc = history.learn, stype = history.known);
