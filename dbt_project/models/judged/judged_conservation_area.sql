{{ config(materialized='judged') }}
{{ union_of_feeds('conservation_area') }}
