-- Bytes of an unreadable record as text, for patterns: what is no UTF-8 is read as Windows does, byte by byte.
create function staging.text_of(bytes bytea) returns text
language plpgsql immutable strict parallel safe as $$
begin
    return convert_from(bytes, 'UTF8');
exception when data_exception then
    return convert_from(decode(replace(encode(bytes, 'hex'), '00', '20'), 'hex'), 'LATIN1');
end $$;
