-- Like staging.unreadable: made anew from the archive whenever its delivery is staged again.
create unlogged table staging.mended (
    delivery_id bigint not null,
    row_number bigint not null,
    line_number bigint not null,
    byte_offset bigint not null,
    raw_bytes bytea not null,
    raw_length bigint not null,
    code text not null,
    message text not null,
    primary key (delivery_id, row_number)
);
comment on table staging.mended is
'Rows that were put right while they were read (the hint `mend`), as they came: so each repair is seen and can be undone.';
comment on column staging.mended.raw_length is 'Bytes of the whole record; raw_bytes may hold only its beginning.';
