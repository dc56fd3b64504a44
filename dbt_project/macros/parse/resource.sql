{# A sheet of resources in the entity's shape. `cells`: the cleaned cell for each of `resource_cells` that the sheet has;
   what it lacks is NULL. States and districts are looked up: as they are, then by a declared spelling; what is neither is
   named in `_unparsed`, with the nearest name as a proposal. Nothing is found by a part of a name. #}
{% macro resource_from(sheet, cells, dates='dmy') %}
{%- for name in cells if name not in resource_cells() -%}
    {%- do exceptions.raise_compiler_error(name ~ ' is no cell of a resource; take one of ' ~ resource_cells() | join(', ')) -%}
{%- endfor -%}
cells as (

    select
        {{ sheet }}._delivery_id,
        {{ sheet }}._row_number,
        {{ sheet }}._line_number,
        cell.*

    from {{ sheet }}
    cross join lateral (
        select
            {%- for name in resource_cells() %}
            {{ cells.get(name, 'null::text') }} as {{ name }}_cell{{ ',' if not loop.last }}
            {%- endfor %}

        offset 0
    ) as cell

),

in_state as (

    select
        cells.*,
        coalesce(states.state, spelt.name) as state

    from cells
    left join {{ ref('known_states') }} as states on lower(states.state) = lower(cells.state_cell)
    left join {{ ref('known_place_spellings') }} as spelt
        on spelt.kind = 'state' and spelt.spelling = lower(cells.state_cell)

),

located as (

    select
        in_state.*,
        coalesce(districts.district, spelt.name) as district

    from in_state
    left join {{ ref('known_districts') }} as districts
        on districts.state = in_state.state and lower(districts.district) = lower(in_state.district_cell)
    left join {{ ref('known_place_spellings') }} as spelt
        on spelt.kind = 'district' and spelt.state = in_state.state and spelt.spelling = lower(in_state.district_cell)

),

typed as (

    select
        located.*,
        value.*

    from located
    cross join lateral (
        select
            {{ listed('located.category_cell', resource_categories()) }} as category,
            {{ parse_phones('located.phones_cell') }} as numbers,
            {{ parse_verified('located.verification_cell') }} as is_verified,
            {{ parse_date('located.last_verified_on_cell', dates) }} as last_verified_on,
            {{ listed('located.availability_cell', {
                'available': ['yes', 'in stock', 'open'],
                'unavailable': ['not available', 'no', 'out of stock', 'sold out', 'closed'],
            }) }} as availability,
            {%- for beds in ['beds_normal', 'beds_oxygen', 'beds_icu', 'beds_ventilator'] %}
            {{ parse_integer('located.' ~ beds ~ '_cell') }} as {{ beds }},
            {%- endfor %}
            case when located.state is null then {{ nearest('located.state_cell', ref('known_states'), 'state') }} end
                as state_near,
            case when located.state is not null and located.district is null then
                {{ nearest('located.district_cell', ref('known_districts'), 'district', 'list.state = located.state') }}
            end as district_near

        offset 0
    ) as value

),

final as (

    select
        id_cell as id,
        title_cell as title,
        category,
        resource_type_cell as resource_type,
        description_cell as description,
        (array_remove(numbers, null))[1] as phone_1,
        (array_remove(numbers, null))[2] as phone_2,
        (array_remove(numbers, null))[3] as phone_3,
        lower(email_cell) as email,
        address_cell as address,
        city_cell as city,
        coalesce(district, case when state is null then district_cell end) as district,
        state,
        pincode_cell as pincode,
        website_cell as website,
        verification_cell as verification,
        is_verified,
        verified_by_cell as verified_by,
        last_verified_on,
        availability,
        price_cell as price,
        beds_normal,
        beds_oxygen,
        beds_icu,
        beds_ventilator,
        comment_cell as comment,
        {{ with_proposals(unparsed([
            ('category', 'category_cell', 'category'),
            ('phone_1', 'phones_cell', '(array_remove(numbers, null))[1]'),
            ('phone_2', 'phones_cell', 'case when array_position(numbers, null) is null
                or cardinality(array_remove(numbers, null)) = 0 then true end'),
            ('more_phones', '(array_remove(numbers, null))[4]', 'null::text'),
            ('state', 'state_cell', 'state'),
            ('district', 'case when state is not null then district_cell end', 'district'),
            ('is_verified', 'verification_cell', 'is_verified'),
            ('last_verified_on', 'last_verified_on_cell', 'last_verified_on'),
            ('availability', 'availability_cell', 'availability'),
            ('beds_normal', 'beds_normal_cell', 'beds_normal'),
            ('beds_oxygen', 'beds_oxygen_cell', 'beds_oxygen'),
            ('beds_icu', 'beds_icu_cell', 'beds_icu'),
            ('beds_ventilator', 'beds_ventilator_cell', 'beds_ventilator'),
        ]), {'state': 'state_near', 'district': 'district_near'}) }} as _unparsed,
        _delivery_id,
        _row_number,
        _line_number

    from typed

)

select * from final
{% endmacro %}

{# What a sheet may say of a resource. `phones` holds all its numbers. #}
{% macro resource_cells() %}
    {{ return([
        'id', 'title', 'category', 'resource_type', 'description', 'phones', 'email', 'address', 'city', 'district', 'state',
        'pincode', 'website', 'verification', 'verified_by', 'last_verified_on', 'availability', 'price', 'beds_normal',
        'beds_oxygen', 'beds_icu', 'beds_ventilator', 'comment',
    ]) }}
{% endmacro %}

{# The categories of resources, and how they are spelt elsewhere. #}
{% macro resource_categories() %}
    {{ return({
        'oxygen': ['o2', 'oxygen supplier', 'oxygen cylinders', 'oxygen refill'],
        'ambulance': ['ambulances', 'ambulance service'],
        'hospital': ['hospitals', 'hospital beds', 'beds'],
        'medicine': ['medicines', 'pharmacy', 'drugs'],
        'food': ['meals', 'kitchen', 'ration'],
        'helpline': ['helplines', 'call centre', 'control room'],
    }) }}
{% endmacro %}
