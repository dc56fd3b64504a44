{{ masked('vaccination_total') }}
