with

sheet as (

    select * from {{ source('relief', 'hospitals') }}

),

{{ resource_from('sheet', {
    'id': clean('sheet.hospital_id'),
    'title': clean_line('sheet.name'),
    'category': "'hospital'::text",
    'phones': "translate(" ~ clean('sheet.phones') ~ ", '[]\"', '')",
    'email': clean('sheet.email'),
    'website': clean('sheet.web'),
    'address': clean_line('sheet.address'),
    'district': clean_line('sheet.district'),
    'state': clean_line('sheet.state'),
    'pincode': clean('sheet.pin'),
    'verification': clean('sheet.verified'),
    'last_verified_on': clean('sheet.checked_on'),
    'beds_normal': clean('sheet.beds_normal'),
    'beds_oxygen': clean('sheet.beds_oxygen'),
    'beds_icu': clean('sheet.beds_icu'),
    'beds_ventilator': clean('sheet.beds_ventilator'),
}) }}
