-- Bytes of an unreadable record as text, in the encoding that the reader found. What has no meaning in it, or is in an
-- encoding that PostgreSQL does not know, is read byte by byte. What an erasure has left begins with a BOM: it is UTF-8.
drop function staging.text_of(bytea);
create function staging.text_of(bytes bytea, encoding text) returns text
language plpgsql immutable parallel safe as $$
declare
    escaped text;
begin
    if substr(bytes, 1, 3) = '\xefbbbf' then
        return convert_from(substr(bytes, 4), 'UTF8');
    elsif encoding like 'utf-16-_e' then
        escaped := regexp_replace(
            encode(substr(bytes, 1, length(bytes) / 2 * 2), 'hex'), '(..)(..)',
            case encoding when 'utf-16-le' then '\\\2\1' else '\\\1\2' end, 'g'
        );
        escaped := regexp_replace(escaped, '\\d[89ab]..(?!\\d[c-f])|(?<!\\d[89ab]..)\\d[c-f]..', '\\fffd', 'g');
        return unistr(replace(escaped, '\0000', '\0020'));
    end if;
    return convert_from(bytes, case encoding
        when 'shift_jis' then 'sjis'
        when 'cp949' then 'uhc'
        when 'cp950' then 'big5'
        when 'gb2312' then 'euc_cn'
        else regexp_replace(coalesce(encoding, 'utf-8'), '^cp', 'win')
    end);
exception when data_exception then
    return convert_from(decode(replace(encode(bytes, 'hex'), '00', '20'), 'hex'), 'LATIN1');
end $$;

create view staging.unreadable_texts as
select
    unread.delivery_id,
    unread.row_number,
    unread.line_number,
    came.record,
    unread.raw_length > length(unread.raw_bytes) as is_cut
from staging.unreadable as unread
join ledger.deliveries using (delivery_id)
cross join lateral (
    select rtrim(staging.text_of(unread.raw_bytes, deliveries.found ->> 'encoding'), e'\r\n') as record offset 0
) as came;
comment on view staging.unreadable_texts is
'Records that could not be read, as text without the end of the last line. Holds personal data.';
