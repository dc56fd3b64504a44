-- Numbers that stay: one for each real thing, whoever writes of it and under whatever reference.
create table reference.number_ranges (
    entity text not null,
    first bigint not null check (first > 0),
    last bigint not null,
    reserved_at timestamptz not null default now(),
    reserved_by text not null,
    primary key (first),
    check (first <= last),
    constraint ranges_are_disjoint exclude using gist (int8range(first, last, '[]') with &&)
);
comment on table reference.number_ranges is 'One row per range of numbers that is reserved for an entity.';

create table reference.numbers (
    number bigint primary key,
    entity text not null,
    organisation text not null,
    reference text not null,
    minted_at timestamptz not null default now(),
    minted_by text not null,
    unique (entity, organisation, reference)
);
comment on table reference.numbers is
'One row per number that was ever given: which reference of which organisation it was minted for. None is given twice.';

create table reference.number_moves (
    number bigint not null references reference.numbers,
    status integer not null check (status in (301, 410)),
    moved_to bigint references reference.numbers check (moved_to <> number),
    why text not null,
    moved_at timestamptz not null default now(),
    moved_by text not null,
    undone_at timestamptz,
    undone_by text,
    check ((status = 301) = (moved_to is not null))
);
create unique index one_move_of_a_number on reference.number_moves (number) where undone_at is null;
comment on table reference.number_moves is
'What became of a number, in the codes of RFC 9110: 301 merged into another, 410 retired. An undone move is kept.';

-- A number can only be merged into one that stands, so that following the moves always ends.
create view reference.resolved_numbers as
with recursive followed as (
    select entity, organisation, reference, number as own_number, number, 200 as status from reference.numbers
    union all
    select f.entity, f.organisation, f.reference, f.own_number, m.moved_to, m.status
    from followed as f
    join reference.number_moves as m on m.number = f.number and m.undone_at is null
    where f.number is not null
)
select distinct on (own_number) entity, organisation, reference, own_number, followed.number,
    case
        when followed.number is null then 410
        when followed.number <> own_number then 301
        else 200
    end as status
from followed
left join reference.number_moves as moved on moved.number = followed.number and moved.undone_at is null
where moved.number is null
order by own_number;
comment on view reference.resolved_numbers is
'One row per number: where it leads today. status 200: it stands; 301: it was merged, `number` is what stands; 410: retired.';
