{{ published('place', history=true) }}
