-- The key as a one-row function: as a row source it is read once per statement, costs the planner nothing, and lets it
-- remember masks of repeated values (a sub-select in each value's expression did neither). A set-returning function in
-- plpgsql is not inlined, so that it stays one.
create function pii.token_key_now(out inner_key bytea, out outer_key bytea) returns record
language plpgsql stable parallel safe cost 1
as $$
begin
    select k.inner_key, k.outer_key into inner_key, outer_key from pii.token_key as k;
end $$;
comment on function pii.token_key_now is 'The newest key of tokens.';
