create table reference.resolutions (
    register text not null,
    value text not null,
    found boolean not null,
    status integer not null,
    resolved_at timestamptz not null default clock_timestamp(),
    primary key (register, value)
);
comment on table reference.resolutions is
'A cache: one row per identifier that a register (its base URL) was asked for, and whether it knows it. No register is asked twice.';
