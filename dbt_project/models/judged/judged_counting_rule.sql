{{ config(materialized='judged') }}
{{ union_of_feeds('counting_rule') }}
