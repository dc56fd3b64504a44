{{ published('vaccination_total') }}
