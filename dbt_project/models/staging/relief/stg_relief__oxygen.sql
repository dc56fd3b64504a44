with

sheet as (

    select * from {{ source('relief', 'oxygen') }}

),

{{ resource_from('sheet', {
    'id': clean('sheet.number'),
    'title': clean_line('sheet.supplier'),
    'category': "'oxygen'::text",
    'resource_type': clean_line('sheet.kind'),
    'phones': clean('sheet.contact'),
    'district': clean_line('sheet.district'),
    'state': clean_line('sheet.state'),
    'verification': clean_line('sheet.status'),
    'verified_by': clean_line('sheet.verified_by'),
    'last_verified_on': clean('sheet.last_verified'),
    'availability': clean_line('sheet.stock'),
    'comment': clean_line('sheet.remarks'),
}) }}
