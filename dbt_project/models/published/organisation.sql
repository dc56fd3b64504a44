{{ published('organisation') }}
