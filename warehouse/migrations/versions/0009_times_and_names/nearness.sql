-- As pg_trgm has it, and written out: an outside server may not have that extension.
create function reference.trigrams(word text) returns text[]
language sql immutable strict parallel safe
return array(
    select distinct substr('  ' || lower(word) || ' ', place, 3) from generate_series(1, length(word) + 1) as place
);
comment on function reference.trigrams is 'The distinct runs of three letters of a word, with two blanks before and one behind it.';

create function reference.nearness(one text, other text) returns double precision
language sql immutable strict parallel safe
return (
    select shared.count::double precision
        / nullif(cardinality(reference.trigrams(one)) + cardinality(reference.trigrams(other)) - shared.count, 0)
    from (
        select count(*) as count
        from (select unnest(reference.trigrams(one)) intersect select unnest(reference.trigrams(other))) as common
    ) as shared
);
comment on function reference.nearness is 'Share of the runs of three letters that two words have in common, 0 to 1.';

grant usage on schema reference to sluice_loader;
