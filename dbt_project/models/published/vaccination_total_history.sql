{{ published('vaccination_total', history=true) }}
