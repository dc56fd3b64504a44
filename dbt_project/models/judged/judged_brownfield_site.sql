{{ config(materialized='judged') }}
{{ union_of_feeds('brownfield_site') }}
