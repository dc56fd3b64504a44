{{ config(materialized='judged') }}
{{ union_of_feeds('spelling') }}
