with

exports as (

    select * from {{ source('crm', 'leads') }}

),

cells as (

    select
        exports._delivery_id,
        exports._row_number,
        exports._line_number,
        cell.*

    from exports
    cross join lateral (
        select
            {{ clean('exports.id') }} as id,
            {{ clean('exports.is_deleted') }} as is_deleted_cell,
            {{ clean_line('exports.last_name') }} as last_name_cell,
            {{ clean_line('exports.first_name') }} as first_name_cell,
            {{ clean_line('exports.title') }} as title_cell,
            {{ clean_line('exports.company') }} as company_cell,
            {{ clean_line('exports.street') }} as street_cell,
            {{ clean_line('exports.city') }} as city_cell,
            {{ clean('exports.state') }} as state_cell,
            {{ clean('exports.postal_code') }} as postal_code_cell,
            {{ clean('exports.country') }} as country_cell,
            {{ clean('exports.phone') }} as phone_cell,
            {{ clean('exports.mobile_phone') }} as mobile_phone_cell,
            {{ clean('exports.email') }} as email_cell,
            {{ clean('exports.website') }} as website_cell,
            {{ clean_line('exports.lead_source') }} as lead_source_cell,
            {{ clean_line('exports.status') }} as status_cell,
            {{ clean('exports.is_converted') }} as is_converted_cell,
            {{ clean('exports.created_date') }} as created_date_cell,
            {{ clean('exports.last_modified_date') }} as last_modified_date_cell,
            {{ clean('exports.last_activity_date') }} as last_activity_date_cell,
            {{ clean('exports.last_viewed_date') }} as last_viewed_date_cell,
            {{ clean('exports.last_referenced_date') }} as last_referenced_date_cell,
            {{ clean('exports.email_bounced_reason') }} as email_bounced_reason_cell,
            {{ clean('exports.email_bounced_date') }} as email_bounced_date_cell,
            {{ clean_line('exports.outreach_stage_c') }} as outreach_stage_c_cell,
            {{ clean('exports.current_enrollment_c') }} as current_enrollment_c_cell,
            {{ clean('exports.capacity_c') }} as capacity_c_cell,
            {{ clean('exports.lead_source_last_updated_c') }} as lead_source_last_updated_c_cell,
            {{ clean('exports.brightwheel_school_uuid_c') }} as brightwheel_school_uuid_c_cell

        offset 0
    ) as cell

),

typed as (

    select
        cells.*,
        value.*

    from cells
    cross join lateral (
        select
            {{ parse_boolean('cells.is_deleted_cell') }} as is_deleted,
            {{ parse_boolean('cells.is_converted_cell') }} as is_converted,
            {{ parse_phone('cells.phone_cell') }} as phone,
            {{ parse_phone('cells.mobile_phone_cell') }} as mobile_phone,
            {%- for name in ['created_date', 'last_modified_date', 'last_activity_date', 'last_viewed_date',
                'last_referenced_date', 'email_bounced_date'] %}
            {{ parse_iso_time('cells.' ~ name ~ '_cell') }} as {{ name }},
            {%- endfor %}
            {{ parse_iso_time('cells.lead_source_last_updated_c_cell') }} as lead_source_last_updated,
            {{ parse_integer('cells.current_enrollment_c_cell') }} as current_enrollment,
            {{ parse_integer('cells.capacity_c_cell') }} as capacity

        offset 0
    ) as value

),

final as (

    select
        id,
        is_deleted,
        last_name_cell as last_name,
        first_name_cell as first_name,
        title_cell as title,
        company_cell as company,
        {{ proper_case('street_cell') }} as street,
        {{ proper_case('city_cell') }} as city,
        upper(state_cell) as state,
        postal_code_cell as postal_code,
        upper(country_cell) as country,
        phone,
        mobile_phone,
        lower(email_cell) as email,
        website_cell as website,
        lead_source_cell as lead_source,
        status_cell as status,
        is_converted,
        created_date,
        last_modified_date,
        last_activity_date,
        last_viewed_date,
        last_referenced_date,
        email_bounced_reason_cell as email_bounced_reason,
        email_bounced_date,
        outreach_stage_c_cell as outreach_stage,
        current_enrollment,
        capacity,
        lead_source_last_updated,
        lower(brightwheel_school_uuid_c_cell) as school_uuid,
        {{ unparsed([
            ('is_deleted', 'is_deleted_cell', 'is_deleted'),
            ('is_converted', 'is_converted_cell', 'is_converted'),
            ('phone', 'phone_cell', 'phone'),
            ('mobile_phone', 'mobile_phone_cell', 'mobile_phone'),
            ('created_date', 'created_date_cell', 'created_date'),
            ('last_modified_date', 'last_modified_date_cell', 'last_modified_date'),
            ('last_activity_date', 'last_activity_date_cell', 'last_activity_date'),
            ('last_viewed_date', 'last_viewed_date_cell', 'last_viewed_date'),
            ('last_referenced_date', 'last_referenced_date_cell', 'last_referenced_date'),
            ('email_bounced_date', 'email_bounced_date_cell', 'email_bounced_date'),
            ('current_enrollment', 'current_enrollment_c_cell', 'current_enrollment'),
            ('capacity', 'capacity_c_cell', 'capacity'),
            ('lead_source_last_updated', 'lead_source_last_updated_c_cell', 'lead_source_last_updated'),
        ]) }} as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from typed

)

select * from final
