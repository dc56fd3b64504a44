select
    nullif(region, '') as region,
    nullif(code, '') as code,
    case when pg_input_is_valid(size, 'integer') then size::integer end as size,
    note,
    nullif(keeper, '') as keeper,
    case when size <> '' and not pg_input_is_valid(size, 'integer') then jsonb_build_array('size') end as _unparsed,
    _delivery_id,
    _row_number,
    _line_number
from {{ source('acme', 'changes') }}
