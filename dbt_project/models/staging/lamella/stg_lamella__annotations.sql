with

annotations as (

    select * from {{ source('lamella', 'annotations') }}

),

cells as (

    select
        annotations._delivery_id,
        annotations._row_number,
        annotations._line_number,
        {{ clean('annotations.dataset_number') }} as dataset_number,
        {{ clean('annotations.run_name') }} as run_name,
        {{ clean('annotations.tomogram_number') }} as tomogram_number,
        {{ clean('annotations.annotation_number') }} as annotation_number,
        {{ clean('annotations.object_name') }} as object_name,
        {{ clean('annotations.object_id') }} as object_id,
        {{ clean('annotations.object_count') }} as object_count,
        {{ clean_line("author.one ->> 'name'") }} as annotator_name,
        {{ clean("author.one ->> 'orcid'") }} as annotator_orcid,
        author.other_wrong

    from annotations
    cross join lateral {{ leading_author('annotations.authors') }} as author

),

final as (

    select
        cells.dataset_number,
        cells.run_name,
        cells.tomogram_number,
        cells.annotation_number,
        cells.object_name,
        cells.object_id,
        value.object_count,
        cells.annotator_name,
        value.annotator_orcid,
        {{ unparsed([
            ('object_count', 'cells.object_count', 'value.object_count'),
            ('annotator_orcid', 'cells.annotator_orcid', 'value.annotator_orcid'),
            ('other_orcid', 'cells.other_wrong', 'null::text'),
        ]) }} as _unparsed,
        cells._delivery_id,
        cells._row_number,
        cells._line_number

    from cells
    cross join lateral (
        select
            {{ parse_integer('cells.object_count') }} as object_count,
            {{ parse_orcid('cells.annotator_orcid') }} as annotator_orcid

        offset 0
    ) as value

)

select * from final
