{{ published('spelling', history=true) }}
