{{ published('lead') }}
