{{ published('school_total', history=true) }}
