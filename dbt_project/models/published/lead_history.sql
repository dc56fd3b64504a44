{{ published('lead', history=true) }}
