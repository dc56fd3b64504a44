with

profiles as (

    select * from {{ source('cps', 'profiles') }}

),

{{ school_from('profiles', {
    'school_number': clean('profiles.school_id'),
    'name': clean_line('profiles.school_long_name'),
    'district': clean_line('profiles.network'),
    'kind': clean('profiles.primary_category'),
    'students': clean('profiles.student_count'),
    'latitude': clean('profiles.latitude'),
    'longitude': clean('profiles.longitude'),
}) }}
