-- Spellings of identifiers with what the macros must make of them; a row that differs fails the test.
with

spellings (kind, spelled, expected) as (

    values
    ('orcid', '0000-0002-1825-0097', '0000-0002-1825-0097'),
    ('orcid', 'https://orcid.org/0000-0001-5109-3700', '0000-0001-5109-3700'),
    ('orcid', '0000000218250097', '0000-0002-1825-0097'),
    ('orcid', '0000-0002-1694-233x', '0000-0002-1694-233X'),
    ('orcid', '0000-0002-1694-2330', null),
    ('orcid', '0000-0002-1825-0098', null),
    ('orcid', '0000-0020-1825-0097', null),
    ('orcid', '0000-0002-1825-009', null),
    ('orcid', 'X000-0002-1825-0097', null),
    ('orcid', '', null),
    ('orcid', null, null),
    ('doi', '10.1038/s41592-024-02477-2', '10.1038/s41592-024-02477-2'),
    ('doi', 'https://doi.org/10.1234/AbC(1)', '10.1234/abc(1)'),
    ('doi', 'doi: 10.1000.10/123456', '10.1000.10/123456'),
    ('doi', '10.12/short', null),
    ('doi', '10.1234/with space', null),
    ('doi', '10.1234/', null),
    ('doi', '11.1234/abc', null),
    ('doi', null, null)

),

parsed as (

    select
        kind,
        spelled,
        expected,
        case kind when 'orcid' then {{ parse_orcid('spelled') }} else {{ parse_doi('spelled') }} end as parsed

    from spellings

)

select * from parsed where parsed is distinct from expected
