{{ published('school_total') }}
