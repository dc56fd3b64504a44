with

sheet as (

    select * from {{ source('relief', 'medicines') }}

),

{{ resource_from('sheet', {
    'id': clean('sheet.code'),
    'title': "concat_ws(', ', " ~ clean_line('sheet.medicine') ~ ', ' ~ clean_line('sheet.supplier') ~ ")",
    'category': "'medicine'::text",
    'resource_type': clean_line('sheet.medicine'),
    'phones': "nullif(concat_ws(' / ', " ~ clean('sheet.mobile') ~ ', ' ~ clean('sheet.landline') ~ "), '')",
    'city': clean_line("case when sheet.place like '%,%' then regexp_replace(sheet.place, ',[^,]*$', '') end"),
    'district': clean_line("regexp_replace(sheet.place, '^.*,', '')"),
    'state': clean('sheet.state'),
    'availability': clean_line('sheet.availability'),
}) }}
