with

sheet as (

    select * from {{ source('relief', 'helplines') }}

),

{{ resource_from('sheet', {
    'id': clean('sheet.number'),
    'title': clean_line('sheet.purpose'),
    'category': "'helpline'::text",
    'phones': clean('sheet.number'),
    'district': clean_line('sheet.district'),
    'state': "'Kerala'::text",
    'comment': clean_line('sheet.hours'),
}) }}
