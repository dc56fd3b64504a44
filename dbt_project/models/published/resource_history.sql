{{ published('resource', history=true) }}
