{{ masked('school_total') }}
