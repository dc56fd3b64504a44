select
    providers.provider_id,
    providers.license_number,
    providers.company,
    providers.license_status,
    providers.capacity,
    places.zip,
    places.city,
    places.state,
    places.place_city,
    places.place_county,
    places.city_agrees,
    providers.feed

from {{ ref('provider') }} as providers
join {{ ref('provider_place') }} as places using (provider_id)
where not exists (
    select from {{ ref('provider_lead_match') }} as matched where matched.provider_id = providers.provider_id
)
