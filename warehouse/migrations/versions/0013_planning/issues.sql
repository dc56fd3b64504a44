-- Two patches of one column can apply to one value: each is an issue.
alter table ledger.issues
    add column occurrence smallint not null default 0,
    drop constraint issues_pkey,
    add primary key (delivery_id, row_number, code, occurrence);
comment on column ledger.issues.occurrence is
'0 for a rule of the contract; for an amendment of a value, the number of its step (extract/amend.py).';
comment on table ledger.issues is
'What was wrong with rows that were let pass: rules with on_fail: warn, and values that were left out. And what was '
'amended of the values of any row: patches, and defaults.';
comment on column ledger.issues.value is
'The value, masked by its column''s class: of a patch what stood there before, of a default what stands there now.';
