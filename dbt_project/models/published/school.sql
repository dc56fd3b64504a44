{{ published('school') }}
