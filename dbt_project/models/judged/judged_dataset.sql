{{ config(materialized='judged') }}
{{ union_of_feeds('dataset') }}
