select
    nullif(item_code, '') as item_code,
    nullif(name, '') as name,
    nullif(category, '') as category,
    nullif(keeper, '') as keeper,
    nullif(lower(email), '') as email,
    nullif(phone, '') as phone,
    nullif(city, '') as city,
    nullif(country, '') as country,
    case when pg_input_is_valid(price, 'numeric') then price::numeric end as price,
    case when pg_input_is_valid(quantity, 'integer') then quantity::integer end as quantity,
    case when pg_input_is_valid(made_on, 'date') then made_on::date end as made_on,
    active = 'Y' as active,
    nullif(note, '') as note,
    case when not pg_input_is_valid(price, 'numeric') then jsonb_build_array('price') end as _unparsed,
    _delivery_id,
    _row_number,
    _line_number
from {{ source('bench', 'items') }}
