{{ published('place') }}
