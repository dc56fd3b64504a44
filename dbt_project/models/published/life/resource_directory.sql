{%- set shown = [
    'id', 'title', 'category', 'resource_type', 'description', 'phone_1', 'phone_2', 'phone_3', 'address', 'city', 'district',
    'state', 'pincode', 'website', 'verification', 'is_verified', 'last_verified_on', 'availability', 'price', 'beds_normal',
    'beds_oxygen', 'beds_icu', 'beds_ventilator',
] -%}
with

resources as (

    select * from {{ ref('resource') }}

),

duplicates as (

    {{ cross_source_duplicates('resource') }}

),

words as (

    select * from {{ ref('resource_feedback_count') }}

)

select
    resources.resource_id,
    {%- for column in shown %}
    resources.{{ column }},
    {%- endfor %}
    duplicates.stands_for <> resources.resource_id as is_duplicate,
    nullif(duplicates.stands_for, resources.resource_id) as duplicate_of,
    duplicates.sources,
    coalesce(words.up, 0) as up,
    coalesce(words.down, 0) as down,
    coalesce(words.available, 0) as available,
    coalesce(words.unavailable, 0) as unavailable,
    words.last_given_at,
    resources.feed,
    resources.valid_from

from resources
join duplicates using (resource_id)
left join words on words.about_feed = resources.feed and words.about_id = resources.id
