{{ config(materialized='judged') }}
{{ union_of_feeds('vaccination_total') }}
