with

sheet as (

    select * from {{ source('relief', 'kitchens') }}

),

{{ resource_from('sheet', {
    'id': clean('sheet.kitchen_id'),
    'title': clean_line('sheet.name'),
    'category': "'food'::text",
    'description': clean('sheet.about'),
    'phones': "nullif(concat_ws(' / ', " ~ clean('sheet.phone') ~ ', ' ~ clean('sheet.whatsapp') ~ "), '')",
    'district': clean_line('sheet.district'),
    'state': clean_line('sheet.state'),
    'availability': clean_line('sheet.open'),
    'price': clean_line('sheet.cost'),
}) }}
