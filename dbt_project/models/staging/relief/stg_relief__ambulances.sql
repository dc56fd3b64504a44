with

sheet as (

    select * from {{ source('relief', 'ambulances') }}

),

{{ resource_from('sheet', {
    'id': clean('sheet.code'),
    'title': clean_line('sheet.service'),
    'category': "'ambulance'::text",
    'phones': clean('sheet.phones'),
    'city': clean_line('sheet.town'),
    'district': clean_line('sheet.district'),
    'state': clean_line('sheet.state'),
    'price': clean_line('sheet.rate'),
    'verification': clean_line('sheet.checked'),
}) }}
