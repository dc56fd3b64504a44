{{ config(materialized='judged') }}
{{ union_of_feeds('tomography_run') }}
