-- A dictionary: each text that stands for a shape is read once (extract/geometry.py), whatever number of rows has it.
create table staging.geometries (
    geometry_key bytea primary key,
    wkt text,
    repairs text,
    problem text,
    check ((wkt is null) = (problem is not null))
);
comment on table staging.geometries is
'One row per spelling of a shape: its WGS84 well-known text, what was repaired on the way, or why it is none.';

create function staging.geometry_key(area text, spelling text) returns bytea
language sql immutable strict parallel safe
return sha256(convert_to(area || ':' || spelling, 'UTF8'));
comment on function staging.geometry_key is 'The same text can mean another place where another area is expected.';

create function staging.point_text(x text, y text) returns text
language sql immutable strict parallel safe
return case when btrim(x) <> '' and btrim(y) <> '' then 'POINT (' || btrim(x) || ' ' || btrim(y) || ')' else '' end;
comment on function staging.point_text is 'Two cells with the coordinates of a point, as one spelling.';
