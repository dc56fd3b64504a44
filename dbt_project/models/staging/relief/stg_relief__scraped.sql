with

sheet as (

    select * from {{ source('relief', 'scraped') }}

),

{{ resource_from('sheet', {
    'id': clean('sheet.entry'),
    'title': clean_line('sheet.heading'),
    'category': clean_line('sheet.tag'),
    'phones': clean('sheet.call'),
    'district': clean_line('sheet.district'),
    'state': clean_line('sheet.region'),
    'verification': clean_line('sheet.badge'),
    'last_verified_on': clean('sheet.badge_date'),
}) }}
