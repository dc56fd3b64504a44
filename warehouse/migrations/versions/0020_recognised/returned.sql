alter table pii.returned add column unreadable bigint not null default 0;
comment on table pii.returned is
'Deliveries that brought erased persons back, into entities that say erased: flag: rows, and records that could not be'
' read and name such a person.';
