{{ published('dataset') }}
