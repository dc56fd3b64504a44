{{ published('counting_rule') }}
