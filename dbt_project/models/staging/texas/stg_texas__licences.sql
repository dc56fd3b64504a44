with

licences as (

    select * from {{ source('texas', 'licences') }}

),

deliveries as (

    select * from {{ source('ledger', 'deliveries') }}

),

-- "offset 0" keeps PostgreSQL from repeating an expression wherever its result is used: 18 µs a row instead of 56.
cells as (

    select
        licences._delivery_id,
        licences._row_number,
        licences._line_number,
        cell.*

    from licences
    cross join lateral (
        select
            {{ clean('licences.operation') }} as operation,
            {{ clean('licences.agency_number') }} as agency_number,
            {{ clean_line(repair_mojibake('licences.operation_name')) }} as operation_name,
            {{ clean_line('licences.address') }} as address,
            {{ clean_line('licences.city') }} as city,
            {{ clean('licences.state') }} as state,
            {{ clean('licences.zip') }} as zip,
            {{ clean_line('licences.county') }} as county,
            {{ clean('licences.phone') }} as phone,
            {{ clean_line('licences.type') }} as type,
            {{ clean_line('licences.status') }} as status,
            {{ clean('licences.issue_date') }} as issue_date,
            {{ clean('licences.capacity') }} as places,
            {{ clean('licences.email_address') }} as email,
            {%- for band in ['infant', 'toddler', 'preschool', 'school'] %}
            {{ clean('licences.' ~ band) }} as {{ band }}_flag{{ ',' if not loop.last }}
            {%- endfor %}

        offset 0
    ) as cell

),

typed as (

    select
        cells.*,
        value.*

    from cells
    left join deliveries on cells._delivery_id = deliveries.delivery_id
    cross join lateral (
        select
            upper(case when cells.operation ~ '\d' then cells.operation else cells.agency_number end) as number,
            {{ parse_phone('cells.phone') }} as e164,
            {{ parse_date('cells.issue_date') }} as issued,
            {{ parse_integer('cells.places') }} as capacity,
            {%- for band in ['infant', 'toddler', 'preschool', 'school'] %}
            {{ parse_boolean('cells.' ~ band ~ '_flag') }} as {{ band }},
            {%- endfor %}
            deliveries.effective_date as day

        offset 0
    ) as value

),

final as (

    select
        number as license_number,
        {{ proper_case('operation_name') }} as company,
        null::text as operator,
        null::text as licensee_name,
        null::text as first_name,
        null::text as last_name,
        null::text as title,
        e164 as phone,
        null::text as phone2,
        lower(email) as email,
        {{ proper_case('address') }} as street_address,
        null::text as address2,
        {{ proper_case('city') }} as city,
        upper(state) as state,
        zip,
        {{ proper_case('county') }} as county,
        null::text as website_address,
        {{ proper_case('type') }} as license_type,
        {{ facility_type('type') }} as facility_type,
        {{ license_status('status', 'null::date', 'day') }} as license_status,
        issued as license_issued,
        null::date as license_renewed,
        null::date as certificate_expiration_date,
        capacity,
        {{ ages_served(['infant', 'toddler', 'preschool', 'school']) }} as ages_served,
        {{ min_age(['infant', 'toddler', 'preschool', 'school']) }} as min_age,
        {{ max_age(['infant', 'toddler', 'preschool', 'school']) }} as max_age,
        null::boolean as accepts_financial_aid,
        null::text as schedule,
        null::text as curriculum_type,
        null::text as language,
        {{ unparsed([
            ('phone', 'phone', 'e164'),
            ('license_issued', 'issue_date', 'issued'),
            ('capacity', 'places', 'capacity'),
            ('ages_served', 'coalesce(' ~
                'case when infant is null then infant_flag end, case when toddler is null then toddler_flag end, '
                ~ 'case when preschool is null then preschool_flag end, case when school is null then school_flag end)',
                'null'),
        ]) }} as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from typed

)

select * from final
