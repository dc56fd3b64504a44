{{ published('counting_rule', history=true) }}
