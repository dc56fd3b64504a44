-- HMAC-SHA256 (RFC 2104) needs the key twice, xored with two constants: both halves are kept ready, so that a
-- token costs two sha256() calls and no key ever stands in SQL text.
create table pii.keys (
    purpose text not null check (purpose in ('token', 'pepper')),
    version integer not null,
    inner_key bytea not null check (length(inner_key) = 64),
    outer_key bytea not null check (length(outer_key) = 64),
    created_at timestamptz not null default now(),
    primary key (purpose, version)
);
comment on table pii.keys is 'token: keys the tokens. pepper: keys fingerprints, and never changes.';

create function pii.padded_key(key bytea, pad integer) returns bytea
language plpgsql immutable as $$
declare
    block bytea := (case when length(key) > 64 then sha256(key) else key end)
        || decode(repeat('00', 64 - least(length(key), case when length(key) > 64 then 32 else 64 end)), 'hex');
begin
    for i in 0..63 loop
        block := set_byte(block, i, get_byte(block, i) # pad);
    end loop;
    return block;
end $$;

create function pii.hmac_sha256(inner_key bytea, outer_key bytea, message bytea) returns bytea
language sql immutable strict parallel safe
return sha256(outer_key || sha256(inner_key || message));

create function pii.random_key() returns bytea
language sql volatile
return sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
comment on function pii.random_key is '32 bytes; each version 4 UUID brings 122 bits of the server''s strong random source.';

insert into pii.keys (purpose, version, inner_key, outer_key)
select purpose, 1, pii.padded_key(key, 54), pii.padded_key(key, 92)  -- 0x36 and 0x5c, RFC 2104
from (values ('token', pii.random_key()), ('pepper', pii.random_key())) as fresh (purpose, key);

create view pii.token_key as
select inner_key, outer_key from pii.keys where purpose = 'token' order by version desc limit 1;

create view pii.pepper as
select inner_key, outer_key from pii.keys where purpose = 'pepper' and version = 1;
