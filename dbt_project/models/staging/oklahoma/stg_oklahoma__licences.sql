{%- set days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] -%}
with

licences as (

    select * from {{ source('oklahoma', 'licences') }}

),

deliveries as (

    select * from {{ source('ledger', 'deliveries') }}

),

-- "offset 0" keeps PostgreSQL from repeating an expression wherever its result is used: 28 µs a row instead of 161.
cells as (

    select
        licences._delivery_id,
        licences._row_number,
        licences._line_number,
        cell.*

    from licences
    cross join lateral (
        select
            {{ clean_line('licences.type_license') }} as type_and_number,
            {{ clean_line(repair_mojibake('licences.company')) }} as company_name,
            {{ clean('licences.accepts_subsidy') }} as subsidy,
            {%- for day in days %}
            {{ clean_line('licences.' ~ day) }} as {{ day }},
            {%- endfor %}
            {{ clean(repair_mojibake('licences.primary_caregiver')) }} as caregiver,
            {{ clean('licences.phone') }} as phone,
            {{ clean('licences.email') }} as email,
            {{ clean_line('licences.address1') }} as address1,
            {{ clean_line('licences.address2') }} as address2,
            {{ clean_line('licences.city') }} as city,
            {{ clean('licences.state') }} as state,
            {{ clean('licences.zip') }} as zip,
            {{ clean('licences.total_cap') }} as total_cap,
            nullif(concat(
                '| ' || {{ clean('licences.ages_accepted_1') }}, '| ' || {{ clean('licences.ages_accepted_2') }},
                '| ' || {{ clean('licences.ages_accepted_3') }}, '| ' || {{ clean('licences.ages_accepted_4') }}
            ), '') as ages,
            {{ clean('licences.license_monitoring_since') }} as monitored

        offset 0
    ) as cell

),

-- The number is what stands behind the last " - "; the caregiver's role stands on the second line.
split as (

    select
        cells.*,
        part.*

    from cells
    cross join lateral (
        select
            substring(cells.type_and_number from '^(.*\S)\s+-\s') as type,
            upper(substring(cells.type_and_number from '(?:^|.*\s)-\s+(\S*\d\S*)$')) as number,
            {{ clean_line("split_part(cells.caregiver, E'\\n', 1)") }} as caregiver_name,
            {{ clean_line("split_part(cells.caregiver, E'\\n', 2)") }} as caregiver_role,
            regexp_replace(cells.monitored, '^monitoring since:?\s*', '', 'i') as monitored_since

        offset 0
    ) as part

),

typed as (

    select
        split.*,
        person.*,
        value.*

    from split
    left join deliveries on split._delivery_id = deliveries.delivery_id
    cross join lateral (
        select
            {{ first_person('parts') }} as first_contact,
            {{ second_person('parts') }} as second_contact

        from (select {{ name_parts(proper_case('split.caregiver_name')) }} as parts offset 0) as contact

        offset 0
    ) as person
    cross join lateral (
        select
            {{ parse_phone('split.phone') }} as e164,
            {{ parse_date('split.monitored_since') }} as issued,
            {{ parse_integer('split.total_cap') }} as places,
            case
                when split.subsidy is null then false
                else {{ parse_boolean('split.subsidy', also_yes='accepts subsidy') }}
            end as subsidised,
            {{ has_word('split.ages', ['| infant']) }} as infant,
            {{ has_word('split.ages', ['| toddler']) }} as toddler,
            {{ has_word('split.ages', ['| preschool']) }} as preschool,
            {{ has_word('split.ages', ['| school']) }} as school,
            deliveries.effective_date as day

        offset 0
    ) as value

),

final as (

    select
        number as license_number,
        {{ proper_case('company_name') }} as company,
        null::text as operator,
        {{ full_names('first_contact', 'second_contact') }} as licensee_name,
        first_contact[1] as first_name,
        first_contact[2] as last_name,
        {{ proper_case('caregiver_role') }} as title,
        e164 as phone,
        null::text as phone2,
        lower(email) as email,
        {{ proper_case('address1') }} as street_address,
        {{ proper_case('address2') }} as address2,
        {{ proper_case('city') }} as city,
        upper(state) as state,
        zip,
        null::text as county,
        null::text as website_address,
        {{ proper_case('type') }} as license_type,
        {{ facility_type('type') }} as facility_type,
        case when issued <= day then 'active' when issued > day then 'pending' else 'unknown' end as license_status,
        issued as license_issued,
        null::date as license_renewed,
        null::date as certificate_expiration_date,
        places as capacity,
        {{ ages_served(['infant', 'toddler', 'preschool', 'school']) }} as ages_served,
        {{ min_age(['infant', 'toddler', 'preschool', 'school']) }} as min_age,
        {{ max_age(['infant', 'toddler', 'preschool', 'school']) }} as max_age,
        subsidised as accepts_financial_aid,
        nullif(concat_ws('; '
            {%- for day in days %},
            case when {{ day }} ~ '\d' then '{{ day[:3] | capitalize }} ' || {{ day }} end
            {%- endfor %}
        ), '') as schedule,
        null::text as curriculum_type,
        null::text as language,
        {{ unparsed([
            ('license_number', 'type_and_number', 'number'),
            ('licensee_name', 'caregiver_name', 'first_contact'),
            ('phone', 'phone', 'e164'),
            ('license_issued', 'monitored', 'issued'),
            ('capacity', 'total_cap', 'places'),
            ('ages_served', 'ages', ages_served(['infant', 'toddler', 'preschool', 'school'])),
            ('accepts_financial_aid', 'subsidy', 'subsidised'),
        ]) }} as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from typed

)

select * from final
