with

licences as (

    select * from {{ source('nevada', 'licences') }}

),

deliveries as (

    select * from {{ source('ledger', 'deliveries') }}

),

places as (

    select * from {{ ref('known_towns') }}

),

-- "offset 0" keeps PostgreSQL from repeating an expression wherever its result is used: 43 µs a row instead of 152.
cells as (

    select
        licences._delivery_id,
        licences._row_number,
        licences._line_number,
        cell.*

    from licences
    cross join lateral (
        select
            {{ clean_line('licences.name') }} as name,
            {{ clean_line('licences.credential_type') }} as credential_type,
            {{ clean('licences.credential_number') }} as credential_number,
            {{ clean_line('licences.status') }} as status,
            {{ clean('licences.expiration_date') }} as expiration_date,
            {{ clean_line('licences.disciplinary_action') }} as disciplinary_action,
            {{ clean_line("replace(licences.address, ',', ', ')") }} as address,
            {{ clean('licences.state') }} as state,
            {{ clean_line('licences.county') }} as county,
            {{ clean('licences.phone') }} as phone,
            {{ clean('licences.first_issue_date') }} as first_issue_date,
            {{ clean_line('licences.primary_contact_name') }} as contact,
            {{ clean_line('licences.primary_contact_role') }} as contact_role

        offset 0
    ) as cell

),

addressed as (

    select
        cells.*,
        line.*

    from cells
    cross join lateral (
        select
            part[1] as street_and_city,
            string_to_array(part[1], ' ') as words,
            coalesce(part[2], upper(cells.state)) as address_state,
            part[3] as address_zip

        from (select {{ address_parts('cells.address') }} as part offset 0) as split

        offset 0
    ) as line

),

-- The longest place name that the line ends with is the city: NORTH LAS VEGAS before LAS VEGAS.
located as (

    select
        addressed.*,
        place.*

    from addressed
    {%- for count in [4, 3, 2, 1] %}
    left join places as place_{{ count }}
        on addressed.address_state = place_{{ count }}.state
        and {{ last_words('addressed.words', count) }} = upper(place_{{ count }}.place)
    {%- endfor %}
    cross join lateral (
        select
            coalesce(known.street, guess[1]) as street,
            coalesce(known.city, guess[2]) as city

        from (
            select
                upper(coalesce(place_4.place, place_3.place, place_2.place, place_1.place)) as city,
                {{ before_words(
                    'addressed.street_and_city', 'coalesce(place_4.place, place_3.place, place_2.place, place_1.place)'
                ) }} as street

            offset 0
        ) as known
        cross join lateral (
            select case when known.city is null then {{ split_at_street_type('addressed.street_and_city') }} end as guess

            offset 0
        ) as guessed

        offset 0
    ) as place

),

persons as (

    select
        located.*,
        person.*

    from located
    cross join lateral (
        select
            {{ first_person('parts') }} as first_contact,
            {{ second_person('parts') }} as second_contact

        from (select {{ name_parts(proper_case('located.contact')) }} as parts offset 0) as contact

        offset 0
    ) as person

),

typed as (

    select
        persons.*,
        value.*

    from persons
    left join deliveries on persons._delivery_id = deliveries.delivery_id
    cross join lateral (
        select
            {{ parse_phone('persons.phone') }} as e164,
            {{ parse_date('persons.first_issue_date') }} as issued,
            {{ parse_date('persons.expiration_date') }} as expires,
            deliveries.effective_date as day,
            case
                when
                    {{ has_word('persons.disciplinary_action', ['revoked', 'suspended']) }}
                    and not {{ has_word('persons.disciplinary_action', ['lifted', 'stayed', 'rescinded', 'reinstated']) }}
                    then persons.disciplinary_action
                else persons.status
            end as standing

        offset 0
    ) as value

),

final as (

    select
        upper(credential_number) as license_number,
        {{ proper_case(repair_mojibake('name')) }} as company,
        null::text as operator,
        {{ full_names('first_contact', 'second_contact') }} as licensee_name,
        first_contact[1] as first_name,
        first_contact[2] as last_name,
        {{ proper_case('contact_role') }} as title,
        e164 as phone,
        null::text as phone2,
        null::text as email,
        {{ proper_case('street') }} as street_address,
        null::text as address2,
        {{ proper_case('city') }} as city,
        address_state as state,
        address_zip as zip,
        {{ proper_case('county') }} as county,
        null::text as website_address,
        {{ proper_case('credential_type') }} as license_type,
        {{ facility_type('credential_type') }} as facility_type,
        {{ license_status('standing', 'expires', 'day') }} as license_status,
        issued as license_issued,
        null::date as license_renewed,
        expires as certificate_expiration_date,
        null::integer as capacity,
        null::text as ages_served,
        null::integer as min_age,
        null::integer as max_age,
        null::boolean as accepts_financial_aid,
        null::text as schedule,
        null::text as curriculum_type,
        null::text as language,
        {{ unparsed([
            ('licensee_name', 'contact', 'first_contact'),
            ('phone', 'phone', 'e164'),
            ('street_address', 'address', 'street'),
            ('license_issued', 'first_issue_date', 'issued'),
            ('certificate_expiration_date', 'expiration_date', 'expires'),
        ]) }} as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from typed

)

select * from final
