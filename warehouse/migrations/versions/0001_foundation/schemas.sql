create schema ledger;
create schema reference;
create schema staging;
create schema judged;
create schema quarantine;
create schema history;
create schema published;
create schema pii;

comment on schema ledger is 'Every delivery, run and publication, and where each row went.';
comment on schema reference is 'Reference data that mappings and rules look things up in (dbt seeds).';
comment on schema staging is 'Deliveries as they came, all text. Holds personal data; can be rebuilt from the archive.';
comment on schema judged is 'Rows that keep all rules of their contract, typed. Holds personal data; can be rebuilt.';
comment on schema quarantine is 'Rows that broke a rule or could not be read, with all their reasons. Holds personal data.';
comment on schema history is 'Bitemporal dimensions, masked.';
comment on schema published is 'What consumers read: views of history as of the publication pointer.';
comment on schema pii is 'Keys of tokens and fingerprints.';

-- Records that no reader could place, kept with their bytes until the split moves them to quarantine.
create unlogged table staging.unreadable (
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
comment on column staging.unreadable.raw_length is 'Bytes of the whole record; raw_bytes may hold only its beginning.';
