-- A key of its own: what marks an erased person is not touched by a rotation of the tokens' key.
alter table pii.keys drop constraint keys_purpose_check;
alter table pii.keys add constraint keys_purpose_check check (purpose in ('token', 'pepper', 'erased'));
insert into pii.keys (purpose, version, inner_key, outer_key)
select 'erased', 1, pii.padded_key(key, 54), pii.padded_key(key, 92)
from (select pii.random_key() as key offset 0) as fresh;
comment on table pii.keys is
'token: keys the tokens. pepper: keys fingerprints, never changes. erased: keys the marks of erased persons, never changes.';

create function pii.erased_key_now(out inner_key bytea, out outer_key bytea) returns record
language plpgsql stable parallel safe cost 1
as $$
begin
    select k.inner_key, k.outer_key into inner_key, outer_key from pii.keys as k where k.purpose = 'erased';
end $$;

create table pii.erasures (
    erasure_id bigint generated always as identity primary key,
    erased_at timestamptz not null default now(),
    erased_by name not null default session_user,
    certificate jsonb not null default '{}'
);
comment on table pii.erasures is 'What was erased, without saying who.';

create table pii.erased_marks (
    mark text primary key,
    erasure_id bigint not null references pii.erasures
);
comment on table pii.erased_marks is
'By what an erased person is known again: keyed hashes of a class and value, or of an entity and id, and nothing else.';

create table pii.erased_rows (
    delivery_id bigint not null references ledger.deliveries,
    row_number bigint not null,
    line_number bigint not null,
    entity text not null,
    id uuid,
    fingerprint bytea,
    fate text not null check (fate in ('good', 'quarantined', 'unreadable')),
    attributes jsonb not null,
    erasure_id bigint not null references pii.erasures,
    primary key (delivery_id, row_number)
);
comment on table pii.erased_rows is
'What is left of an erased person''s rows: place, id, keyed fingerprint and what is not personal. Judged again they are'
' these, so that history folds as it did.';

create table pii.returned (
    run bigint not null references ledger.runs,
    delivery_id bigint not null references ledger.deliveries,
    rows bigint not null,
    primary key (run, delivery_id)
);
comment on table pii.returned is 'Deliveries that brought erased persons back, into entities that say erased: flag.';

create table ledger.rewritten (
    old_sha256 text primary key,
    new_sha256 text,
    form text not null check (form in ('as it was', 'csv', 'gone')),
    erasure_id bigint not null references pii.erasures,
    rewritten_at timestamptz not null default now(),
    check ((new_sha256 is null) = (form = 'gone'))
);
comment on table ledger.rewritten is
'Archived contents that were rewritten without an erased person: a delivery keeps its hash, its content is the newest.';
revoke execute on function pii.erased_key_now() from public;
grant execute on function pii.erased_key_now() to sluice_loader;
