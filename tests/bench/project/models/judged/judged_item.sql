{{ union_of_feeds('item') }}
