{{ published('provider', history=true) }}
