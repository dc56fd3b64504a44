{{ config(materialized='judged') }}
{{ union_of_feeds('school_total') }}
