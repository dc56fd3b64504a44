-- A name or an address in a text is known again by its words, in any order. So that not every run of words is hashed, a
-- cue tells which are worth it: 16 bits of a keyed hash of the longest word.
alter table pii.erased_marks
    add column words integer check (words > 1),
    add column cue text check (length(cue) = 4),
    add check ((words is null) = (cue is null));
create index erased_marks_cue on pii.erased_marks (cue) where cue is not null;
comment on column pii.erased_marks.words is 'Of a mark that is looked for in texts: of how many words it is. Else NULL.';
