{{ published('thing', history=true) }}
