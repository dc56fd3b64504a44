{{ union_of_feeds('thing') }}
