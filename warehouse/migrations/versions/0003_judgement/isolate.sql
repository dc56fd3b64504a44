-- The rows for which a prepared statement step(low, high) over row numbers raises an error that a value can be the
-- cause of. Of all others it has done its work when this ends. Ever smaller parts are tried: one such row among a
-- million costs about what all of them cost once.
create function judged.rows_that_raise(step text, low bigint, high bigint, most integer)
returns table (row_number bigint, state text)
language plpgsql as $$
declare
    lows bigint[] := array[low];
    highs bigint[] := array[high];
    first bigint;
    last bigint;
    width bigint;
    tried integer := 0;
begin
    while cardinality(lows) > 0 loop
        first := lows[1];
        last := highs[1];
        lows := lows[2:];
        highs := highs[2:];
        tried := tried + 1;
        begin
            execute format('execute %I(%s, %s)', step, first, last);
        exception when data_exception or cardinality_violation or program_limit_exceeded or plpgsql_error
            or external_routine_exception or external_routine_invocation_exception then
            if tried > most then
                raise;
            elsif first = last then
                row_number := first;
                state := sqlstate;
                return next;
            else
                width := (last - first) / 8 + 1;
                lows := array(select part from generate_series(first, last, width) as part) || lows;
                highs := array(
                    select least(part + width - 1, last) from generate_series(first, last, width) as part
                ) || highs;
            end if;
        end;
    end loop;
end $$;

create function judged.in_words(state text) returns text
language sql immutable
return case
    when state = '22012' then 'a division by zero'
    when state = '22003' then 'a number out of range'
    when state in ('22P02', '22018', '22P03') then 'a text that is no value of its type'
    when state = '22007' then 'a text that is no date or time'
    when state = '22008' then 'a date or time out of range'
    when state = '22001' then 'a text that is too long'
    when state like '2201_' then 'an argument that its function does not take'
    when state like '22%' then 'a value that it cannot take'
    when state like '21%' then 'several rows where one is expected'
    when state like '54%' then 'a value that is too large'
    else 'an error of its own'
end || ' (' || state || ')';
comment on function judged.in_words is 'An SQLSTATE for a person; no message of PostgreSQL''s, which would quote values.';
