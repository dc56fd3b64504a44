{{ published('resource') }}
