{{ published('item') }}
