{{ published('school', history=true) }}
